package commitlog

import (
	"context"
	"errors"
	"fmt"
)

// A stream loses its end when all its servers lose their power, or when it is restored or made anew. A process
// that has applied what is gone then has a state that is no other's, and has to end. It finds out by its next
// append, which gets a position that it has applied. Should others have stored more than was lost by then, no
// position tells: so each reading begins with the message that was applied last, as far as the stream has it
// still, and what stands there must be that. It also looks now and then, should a reading have gone on.

// ErrSetBack ends a log whose stream has lost its end, or was made anew, under a process that has applied what
// is gone: its state is no other's. Started again it is right.
var ErrSetBack = errors.New("commitlog: the stream has lost what this process has applied already: start it again")

// batchName is what tells batches apart.
type batchName struct{ writer, counter uint64 }

// tip is the end of what was applied.
type tip struct {
	position uint64
	last     batchName // zero where it is not known
	stamp    int64     // when it was stored
}

func (s *State) tip() tip {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tipNow()
}

// tipNow is for callers that hold mu.
func (s *State) tipNow() tip { return tip{s.position, s.last, s.stamp} }

// last is the batch at a snapshot's position; zero where that repeated an earlier one, which is not kept.
func (h *head) last() batchName {
	for writer, b := range h.writers {
		if b.position == h.position {
			return batchName{writer, b.counter}
		}
	}
	return batchName{}
}

// differs: the stream has something else at its tip than what was applied. A batch that was lost and stored
// again is something else, for its time moves the clock.
func (at tip) differs(m Message) bool {
	if at.last == (batchName{}) || m.Position != at.position {
		return false
	}
	name, clock, ok := nameOf(m.Data)
	return !ok || name != at.last || clock == 0 && m.Stamp.UnixMilli() != at.stamp
}

// nameOf reads the beginning of a batch: its name, and the time that it carries.
func nameOf(data []byte) (name batchName, clock uint64, ok bool) {
	if len(data) == 0 {
		return name, 0, false
	}
	r := reader{rest: data[1:]}
	name.writer, name.counter, clock = r.fixed(), r.uvarint(), r.uvarint()
	return name, clock, !r.bad
}

// readAfter is where a reading begins: where others write, with what was applied last.
func (l *Log) readAfter() uint64 {
	at := l.state.tip()
	if l.o.Sole || at.last == (batchName{}) {
		return at.position
	}
	return at.position - 1
}

// compare ends the log when the stream has something else at a tip.
func (l *Log) compare(at tip, m Message) error {
	if !at.differs(m) {
		return nil
	}
	l.fail(ErrSetBack)
	return ErrSetBack
}

// Compare asks the stream for the message that was applied last, and ends the log when another is there. What
// the stream does not have says nothing: it was trimmed, or its leader is behind.
func (l *Log) Compare(ctx context.Context) error {
	at := l.state.tip()
	if l.o.Sole || at.last == (batchName{}) {
		return nil
	}
	m, has, err := l.o.Stream.Get(ctx, at.position)
	if err != nil || !has {
		return err
	}
	return l.compare(at, m)
}

// compareSnapshot tells that the newest snapshot is of what the stream has lost, while others have gone on:
// what they stored up to its position is in nobody's state who begins with it. There is no other to begin
// with.
func (l *Log) compareSnapshot(ctx context.Context, first, last uint64) error {
	at := l.state.tip()
	if l.o.Sole || at.last == (batchName{}) || at.position < first || at.position > last {
		return nil
	}
	m, has, err := l.o.Stream.Get(ctx, at.position)
	if err != nil || !has || !at.differs(m) {
		return err
	}
	l.o.Log.Error().Uint64("position", at.position).
		Msg("the snapshot of the log is of an end that the log has lost, and others have gone on without it: some of what they stored is lost")
	l.lost.messages.Add(1)
	l.state.skipTo(at.position)
	return nil
}

// holds says whether a snapshot of a tip is one of what the stream has, and not of an end that it lost while the
// snapshot was written: that would be the beginning of every process that starts.
func (l *Log) holds(ctx context.Context, at tip) error {
	if l.o.Sole {
		return nil
	}
	first, last, err := l.o.Stream.Bounds(ctx)
	if err != nil {
		return err
	}
	if at.position > last {
		return fmt.Errorf("commitlog: the stream ends at %d, and the snapshot at %d", last, at.position)
	}
	if at.position < first { // it was trimmed behind a later one
		return nil
	}
	m, has, err := l.o.Stream.Get(ctx, at.position)
	if err != nil || !has {
		return err
	}
	return l.compare(at, m)
}

// setBack: a batch was stored at a position that is applied, and is not what was applied there.
func (s *State) setBack(position uint64, b *batch) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return position <= s.position && s.writers[b.writer].counter < b.counter
}
