package commitlog

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
)

// How snapshots are kept.
const (
	snapshotCheck = time.Second
	snapshotAgain = 5 * time.Second // after one that was not written, or while another process is about one
	snapshotShare = 6               // the log may grow by one part in so many of the state, which the next snapshot writes as a whole
	pressedLeast  = 64 << 10        // octets of log that are worth one when the stream is filling

	ownBucket   = "log"      // what the log keeps for itself
	snapshotKey = "snapshot" // there: who writes one
	doneKey     = "done"     // there: one was written
)

// snapshotLease is the default of Options.SnapshotLease: a process that was killed over a snapshot is replaced
// soon.
const snapshotLease = 30 * time.Second

// messageRest is what a message of the stream takes beside its data, about.
const messageRest = 100

// keepSnapshots writes a snapshot when one is due, and removes the log before it.
func (l *Log) keepSnapshots(ctx context.Context) {
	tick := time.NewTicker(snapshotCheck)
	defer tick.Stop()
	var begun time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !l.snapshotDue() || time.Since(begun) < snapshotAgain {
			continue
		}
		begun = time.Now()
		if err := l.Snapshot(ctx); err != nil && ctx.Err() == nil {
			l.o.Log.Warn().Err(err).Msg("no snapshot of the log; its beginning stays")
		}
	}
}

// snapshotDue: the log has grown by its interval and by a share of the state, or the stream is filling.
func (l *Log) snapshotDue() bool {
	grown := l.since.Load()
	return grown >= max(l.o.SnapshotEvery, (l.state.bytes()+l.state.coldBytes())/snapshotShare) || grown >= pressedLeast && l.o.Pressed != nil && l.o.Pressed()
}

// Snapshot writes a snapshot now and trims the stream, unless one is being written, by another process for
// instance: of several, one has the lease.
func (l *Log) Snapshot(ctx context.Context) error {
	if l.o.Sole { // where nobody else is, a log that is full can be trimmed all the same
		return l.write(ctx, func() error { return nil })
	}
	revision, err := l.Commit(ctx, l.leaseTx(IfAbsent, 0))
	if errors.Is(err, ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	h := holdLease(ctx, l, revision)
	err = l.write(h.ctx, h.done)
	h.end()
	return err
}

// write writes a snapshot and trims the stream behind it, once mine says that it counts.
func (l *Log) write(ctx context.Context, mine func() error) error {
	begun := time.Now()
	grown := l.since.Load()
	v, err := l.state.save()
	if errors.Is(err, errSaving) {
		return nil
	}
	if err != nil {
		return err
	}
	err = l.o.Snapshots.Put(ctx, v.position, func(out io.Writer) error {
		if err := v.write(out); err != nil {
			return err
		}
		return l.holds(ctx, v.tip)
	})
	l.state.saved(v)
	if err == nil {
		err = mine()
	}
	if err != nil {
		return err
	}
	l.since.Add(-grown)
	if err := backoff.Sleep(ctx, l.o.Settle); err != nil {
		return err
	}
	if err := l.o.Stream.Trim(ctx, v.position); err != nil {
		return err
	}
	l.o.Log.Info().Uint64("position", v.position).Int64("bytes", l.state.bytes()).Dur("took", time.Since(begun)).Msg("snapshot of the log written")
	return nil
}

// wroteElsewhere hears that another process has written a snapshot, from which on the log has grown.
func (l *Log) wroteElsewhere(c Change) {
	if c.Key == doneKey && !c.Gone && !c.Mine {
		l.since.Store(0)
	}
}

// Applied is the position of the last batch that was applied, and its time stamp.
func (l *Log) Applied() (position uint64, stamp time.Time) {
	l.state.mu.RLock()
	defer l.state.mu.RUnlock()
	return l.state.position, time.UnixMilli(l.state.stamp)
}

// Position is that of the last batch that was applied.
func (l *Log) Position() uint64 {
	l.state.mu.RLock()
	defer l.state.mu.RUnlock()
	return l.state.position
}
