package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// A large log takes as long to read as it takes: what ends the reading at a start is that nothing comes any
// more.
const (
	readIdle  = 15 * time.Second
	readCheck = time.Second
)

// readLog opens the log.
func (q *Queue) readLog(ctx context.Context, o commitlog.Options) (err error) {
	reading, cancel := q.whileReading(ctx)
	defer cancel()
	q.ledger, err = commitlog.Open(reading, o)
	if cause := context.Cause(reading); err != nil && cause != nil {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return err
}

// whileReading is ctx for the reading of the log: its deadline counts only when nothing was read for
// readIdle. cancel is to be called when the reading has ended.
func (q *Queue) whileReading(ctx context.Context) (reading context.Context, cancel context.CancelFunc) {
	reading, end := context.WithCancelCause(context.WithoutCancel(ctx))
	q.readNow()
	go func() {
		tick := time.NewTicker(readCheck)
		defer tick.Stop()
		for {
			select {
			case <-reading.Done():
				return
			case <-tick.C:
			}
			idle := time.Since(time.Unix(0, q.lastRead.Load()))
			switch err := ctx.Err(); {
			case errors.Is(err, context.DeadlineExceeded) && idle > readIdle:
				if fault := q.damagedLog(); fault != nil {
					err = fault
				}
				end(fmt.Errorf("nothing came for %s: %w", idle.Round(time.Second), err))
			case errors.Is(err, context.Canceled):
				end(err)
			}
		}
	}()
	return reading, func() { end(context.Canceled) }
}

// damagedLog is why nothing comes, where the server has what it cannot read.
func (q *Queue) damagedLog() error {
	if len(q.streams) == 0 {
		return nil // it is not connected
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTry)
	defer cancel()
	return (&logStream{q: q}).unreadable(ctx, q.readAt.Load())
}

// readNow notes that something of the log, or of its snapshot, was read.
func (q *Queue) readNow() { q.lastRead.Store(time.Now().UnixNano()) }

// readCloser is a snapshot whose reading is noted.
type readCloser struct {
	io.ReadCloser
	q       *Queue
	end     func()
	damaged func() bool
}

func (r readCloser) Close() error {
	defer r.end()
	return r.ReadCloser.Close()
}

func (r readCloser) Read(p []byte) (int, error) {
	r.q.readNow()
	n, err := r.ReadCloser.Read(p)
	switch {
	case err == nil || err == io.EOF:
	case r.damaged():
		err = fmt.Errorf("%w: a piece of it cannot be read (%w)", commitlog.ErrDamaged, err)
	case r.q.server == nil: // a copy that is behind ends before the snapshot does
		err = fmt.Errorf("%w: %w", commitlog.ErrUnread, err)
	}
	return n, err
}
