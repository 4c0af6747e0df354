package commitlog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
)

// Gap is the error of a stream that does not have what stands between the last message that was read and the
// one at Next, or cannot read it and never will.
type Gap struct{ Next uint64 }

func (g Gap) Error() string { return fmt.Sprintf("commitlog: the log has nothing before %d", g.Next) }

// ErrDamaged is the error of what is stored and will never be read again.
var ErrDamaged = errors.New("commitlog: damaged")

// ErrUnread is the error of what is stored and cannot be read at present.
var ErrUnread = errors.New("commitlog: not read")

// readPause is between two attempts at reading the stream.
const readPause = 100 * time.Millisecond

// apply does one message of the stream and tells whoever waits for it. Called by one goroutine.
func (l *Log) apply(m Message) error {
	b, err := decodeBatch(m.Data, l.unpacked)
	if err != nil {
		err = fmt.Errorf("%w, at position %d", err, m.Position)
		l.fail(err)
		return err
	}
	if m.Data[0] == formatPacked {
		l.unpacked = again(b.data)
	}
	return l.applyBatch(b, m.Stamp.UnixMilli(), m.Position, len(m.Data))
}

// applyBatch is apply of a batch that was read, or made here; octets is the length of its message.
func (l *Log) applyBatch(b *batch, stamp int64, position uint64, octets int) error {
	mine := b.writer == l.writer
	results, err := l.state.apply(b, stamp, position, mine)
	if !l.o.Sole {
		l.clock.heard(l.state.clock)
	}
	l.applied.Store(int64(l.clock.elapsed()))
	l.since.Add(int64(octets + messageRest))
	l.grown.Add(int64(octets + messageRest))
	if mine && results != nil {
		l.answer(b.counter, results)
	}
	if err != nil {
		l.fail(err)
	}
	return err
}

func (l *Log) answer(counter uint64, results []result) {
	list := l.takeBack(counter)
	for i, w := range list {
		if i == len(results) { // the batch cannot be read to its end, and the log is about to fail
			resolve(list[i:], ErrUnknown)
			return
		}
		var err error
		if results[i] == 0 {
			err = ErrConflict
		}
		w.resolve(uint64(results[i]), err)
	}
}

// restore makes the state of now: the newest snapshot and all of the stream that is there.
func (l *Log) restore(ctx context.Context) error {
	if err := l.loadSnapshot(ctx); err != nil {
		return err
	}
	defer func() { l.noSnapshot = false }()
	first, last, err := l.o.Stream.Bounds(ctx)
	if err != nil {
		return err
	}
	l.restored = max(l.state.position, last)
	if l.state.position > last {
		// After a power loss, where the stream was made anew, or in the store of a backup, the stream ends
		// before the snapshot, which has all that was in it. What comes next is stored behind the snapshot:
		// at positions that are used again the next start would take it for a part of it.
		if err := l.o.Stream.Trim(ctx, l.state.position); err != nil {
			return err
		}
		last = l.state.position
	}
	if err := l.compareSnapshot(ctx, first, last); err != nil {
		return err
	}
	begun := time.Now()
	from := l.state.position
	if from+1 < first { // and nothing may be behind it, which would tell
		if err := l.jump(ctx, first); err != nil {
			return err
		}
	}
	for l.state.position < last {
		if err := l.readTo(ctx, last); err != nil {
			return err
		}
	}
	l.o.Log.Info().Uint64("position", last).Uint64("replayed", last-from).Int64("bytes", l.state.bytes()).Dur("took", time.Since(begun)).
		Msg("the log is read")
	return nil
}

// errEnough ends a reading that has come to its end.
var errEnough = errors.New("enough")

// readTo applies the stream up to a position, or until a message is missing that cannot be had any more.
func (l *Log) readTo(ctx context.Context, last uint64) error {
	err := l.read(ctx, func(position uint64) error {
		if position >= last {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	if hole := (Gap{}); errors.As(err, &hole) {
		return l.jump(ctx, hole.Next)
	}
	if ctx.Err() != nil || l.Err() != nil {
		return err
	}
	l.o.Log.Warn().Err(err).Msg("reading of the log interrupted")
	return backoff.Sleep(ctx, readPause)
}

// read applies what comes. after is called behind each message.
func (l *Log) read(ctx context.Context, after func(position uint64) error) error {
	return l.o.Stream.Read(ctx, l.readAfter(), func(m Message) error {
		if m.Position <= l.state.position {
			return l.compare(l.state.tip(), m)
		}
		if m.Position != l.state.position+1 {
			return Gap{m.Position}
		}
		if err := l.apply(m); err != nil {
			return err
		}
		return after(m.Position)
	})
}

// follow applies the stream as it grows, until ctx ends or the log has failed.
func (l *Log) follow(ctx context.Context) {
	for ctx.Err() == nil && l.Err() == nil {
		err := l.read(ctx, func(uint64) error { return nil })
		hole := Gap{}
		switch {
		case ctx.Err() != nil || l.Err() != nil:
			return
		case errors.As(err, &hole):
			if err := l.jump(ctx, hole.Next); err != nil && ctx.Err() == nil {
				l.o.Log.Error().Err(err).Msg("the log cannot be read on")
			}
		case err != nil:
			l.o.Log.Warn().Err(err).Msg("reading of the log interrupted")
		}
		_ = backoff.Sleep(ctx, readPause)
	}
}

// jump goes on behind a gap: from a snapshot that is further on, where the beginning was trimmed while this
// process lagged. What is missing for another reason is lost, and is gone for every process alike: it is told
// and passed over.
func (l *Log) jump(ctx context.Context, next uint64) error {
	at := l.state.position
	if !l.o.Sole {
		if _, has, err := l.o.Stream.Get(ctx, at+1); has || err != nil {
			l.o.Log.Warn().Uint64("after", at).Msg("a copy of the log lacks a part that another has; it is read again")
			return err
		}
	}
	var newer *State // looked for after that: whoever trimmed the stream had put it before
	var err error
	if !l.noSnapshot {
		newer, err = l.newestSnapshot(ctx)
	}
	switch {
	case err != nil:
		return err
	case newer != nil && newer.position > at:
		l.state.replace(newer)
		l.passedOver(newer.writers[l.writer].counter)
		l.o.Log.Warn().Uint64("from", at).Uint64("to", newer.position).Msg("this process was far behind: its state is that of the snapshot")
	default:
		l.o.Log.Error().Uint64("after", at).Uint64("before", next).Uint64("messages", next-at-1).Msg("a part of the log is lost")
		l.lost.messages.Add(int64(next - at - 1))
		l.state.skipTo(next - 1)
		l.passedOver(math.MaxUint64)
	}
	return nil
}

// passedOver answers those whose batches are in what was jumped over: nobody can say any more with what
// outcome, but that a barrier has been passed. last is the newest of this process's batches that may be in
// it; what is newer is yet to come.
func (l *Log) passedOver(last uint64) {
	l.mu.Lock()
	var passed []*waiter
	for counter, list := range l.inflight {
		if counter <= last {
			passed = append(passed, list...)
			delete(l.inflight, counter)
		}
	}
	l.mu.Unlock()
	for _, w := range passed {
		var err error
		if !w.barrier {
			err = fmt.Errorf("%w: this process was far behind", ErrUnknown)
		}
		w.resolve(0, err)
	}
}

// snapshotTries is how often the newest snapshot is read before it counts as damaged: its reading may end
// with a server.
const snapshotTries = 3

// loadSnapshot begins with the newest snapshot, if there is one that can be read.
func (l *Log) loadSnapshot(ctx context.Context) error {
	begun := time.Now()
	newest, err := l.newestSnapshot(ctx)
	if err != nil || newest == nil {
		l.noSnapshot = err == nil && l.o.Sole // another process may write one meanwhile
		return err
	}
	l.state.replace(newest)
	l.o.Log.Info().Uint64("position", l.state.position).Int64("bytes", l.state.bytes()).Dur("took", time.Since(begun)).Msg("the snapshot is read")
	return nil
}

// newestSnapshot is the state of the newest snapshot; nil when there is none. One that cannot be read is
// told, and is as good as none: what it had is lost, and whoever looks for it in the stream will find the
// gap.
func (l *Log) newestSnapshot(ctx context.Context) (*State, error) {
	for n := 1; ; {
		in, err := l.o.Snapshots.Newest(ctx)
		if err == nil && in == nil {
			return nil, nil
		}
		if err == nil {
			s := l.newState()
			err = s.load(in)
			_ = in.Close()
			if err == nil {
				return s, nil
			}
			s.closeFile()
			if errors.Is(err, errForeign) {
				return nil, err
			}
			if n++; errors.Is(err, ErrUnread) {
				n = 1
			}
			if n > snapshotTries || errors.Is(err, ErrDamaged) {
				l.lost.snapshots.Add(1)
				l.o.Log.Error().Err(err).Msg("the newest snapshot of the log cannot be read: what it had is lost")
				return nil, nil
			}
		}
		l.o.Log.Warn().Err(err).Msg("the snapshot of the log cannot be read, trying again")
		if backoff.Sleep(ctx, readPause) != nil {
			return nil, err
		}
	}
}
