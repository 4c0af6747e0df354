package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// pressedShare of its bound is how full the log may be before its beginning has to go.
const pressedShare = 0.5

// logFill is what is known of the log's stream: as the server said it, and what was applied here since.
type logFill struct {
	log atomic.Pointer[commitlog.Log] // nil until it is open

	mu    sync.Mutex // guards the rest
	bytes int64
	most  int64 // 0: not known
	grown int64 // Log.Grown when the server said it
	lag   Lag
}

// Lag is how far what is applied here is behind what is stored.
type Lag struct {
	Entries uint64        // messages of the log
	Time    time.Duration // between the last one that is applied and the last one that is stored
}

// share is how full the log is; 0 when that is not known.
func (f *logFill) share() float64 {
	l := f.log.Load()
	f.mu.Lock()
	defer f.mu.Unlock()
	if l == nil || f.most <= 0 {
		return 0
	}
	return float64(f.bytes+l.Grown()-f.grown) / float64(f.most)
}

// heard takes in what the server says of the stream.
func (f *logFill) heard(info *jetstream.StreamInfo, grown int64, l *commitlog.Log) {
	applied, stamp := l.Applied()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bytes, f.most, f.grown = int64(info.State.Bytes), info.Config.MaxBytes, grown
	f.lag = Lag{}
	if last := info.State.LastSeq; last > applied {
		f.lag = Lag{last - applied, max(info.State.LastTime.Sub(stamp), 0)}
	}
}

// readFill asks how full the log's stream is, and how far it goes.
func (q *Queue) readFill() {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	if q.fill.log.Load() == nil || q.askFill(ctx) != nil { // what is wrong is seen by whoever writes
		return
	}
	_ = q.askSnapshots(ctx)
}

// compareLog looks whether the stream has what was applied last, and ends the log when it has something else.
func (q *Queue) compareLog() {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	_ = q.ledger.Compare(ctx) // the same
}

func (q *Queue) askFill(ctx context.Context) error {
	l := q.fill.log.Load()
	if l == nil {
		return nil
	}
	grown := l.Grown()
	s, err := q.streamIn(ctx).Stream(ctx, streamLog)
	if err != nil {
		return err
	}
	q.fill.heard(s.CachedInfo(), grown, l)
	return nil
}

// Lag is how far this daemon is behind the log, as of the last time that the server was asked. It grows while
// nothing is heard of the log.
func (q *Queue) Lag() Lag {
	q.fill.mu.Lock()
	defer q.fill.mu.Unlock()
	lag := q.fill.lag
	if q.deaf() {
		lag.Time = max(lag.Time, q.ledger.Fresh())
	}
	return lag
}
