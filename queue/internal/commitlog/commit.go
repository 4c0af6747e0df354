package commitlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
)

// Commit stores a transaction and returns its revision when it is applied here. ErrConflict: a condition does
// not hold. ErrFull and ErrRefused: nothing was stored. ErrUnknown: ctx, or the log, ended while it was under
// way.
func (l *Log) Commit(ctx context.Context, tx Tx) (revision uint64, err error) {
	w, err := l.begin(ctx, tx, true)
	if err != nil {
		return 0, err
	}
	return l.wait(ctx, w)
}

// CommitAlong is Commit for what nobody waits for: it is stored with the next transaction that somebody does
// wait for, or after alongWithin. So it costs no append of its own.
func (l *Log) CommitAlong(ctx context.Context, tx Tx) (revision uint64, err error) {
	w, err := l.begin(ctx, tx, false)
	if err != nil {
		return 0, err
	}
	return l.wait(ctx, w)
}

// CommitSoon is Commit for what can be refused as well: when its append has not begun within the patience,
// nothing is stored. So a store that does not answer, while it has no leader for instance, collects no work
// that nobody waits for. Once it has begun it is waited for as long as the store answers; else its outcome
// stays unknown.
func (l *Log) CommitSoon(ctx context.Context, tx Tx, patience time.Duration) (revision uint64, err error) {
	if stalled := l.Unanswered(); stalled > patience {
		return 0, fmt.Errorf("%w: the store has not answered for %s", ErrRefused, stalled.Round(time.Second))
	}
	w, err := l.begin(ctx, tx, true)
	if err != nil {
		return 0, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.done:
		return w.revision, w.err
	case <-ctx.Done():
		return l.giveUp(w, ctx.Err())
	case <-timer.C:
	}
	if l.withdraw(w) {
		return 0, fmt.Errorf("%w: the store does not answer", ErrRefused)
	}
	again := time.NewTicker(longestPause)
	defer again.Stop()
	for l.Unanswered() < patience && (l.o.Sole || l.Fresh() < patience) {
		select {
		case <-w.done:
			return w.revision, w.err
		case <-ctx.Done():
			return l.giveUp(w, ctx.Err())
		case <-again.C:
		}
	}
	return l.giveUp(w, errors.New("the store does not answer"))
}

// begin is for nobody whose time is up already.
func (l *Log) begin(ctx context.Context, tx Tx, hurried bool) (*waiter, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	w := newWaiter(tx, hurried)
	return w, l.enqueue(w)
}

func (l *Log) wait(ctx context.Context, w *waiter) (uint64, error) {
	select {
	case <-w.done:
		return w.revision, w.err
	case <-ctx.Done():
		return l.giveUp(w, ctx.Err())
	}
}

// withdraw takes a transaction back that no batch has.
func (l *Log) withdraw(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.gone = !w.begun
	return w.gone
}

func (l *Log) enqueue(w *waiter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failed != nil:
		return fmt.Errorf("%w: %w", ErrRefused, l.failed)
	case l.closing:
		return fmt.Errorf("%w: %w", ErrRefused, ErrClosed)
	case l.octets > maxPending:
		return fmt.Errorf("%w: too much is waiting to be stored", ErrRefused)
	}
	l.pending = append(l.pending, w)
	l.octets += w.size
	switch {
	case w.hurried:
		l.hurried++
		l.signal()
	case l.along.IsZero():
		l.along = time.Now()
		l.patience.Reset(alongWithin)
	}
	return nil
}

// giveUp takes a transaction back that no batch has, else its outcome stays unknown.
func (l *Log) giveUp(w *waiter, cause error) (uint64, error) {
	if l.withdraw(w) {
		return 0, fmt.Errorf("%w: %w", ErrRefused, cause)
	}
	select {
	case <-w.done: // in the same moment
		return w.revision, w.err
	default:
		return 0, fmt.Errorf("%w: %w", ErrUnknown, cause)
	}
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// commitAll makes batches of what is pending and appends one after the other, until the log fails or is
// closed.
func (l *Log) commitAll() {
	var counter uint64
	p := pacer{shared: !l.o.Sole}
	for {
		select {
		case <-l.wake:
		case <-l.broken:
			return
		}
		for l.due() {
			if rest := p.rest(time.Now()); rest > 0 {
				time.Sleep(rest)
			}
			b := l.take(counter + 1)
			if b == nil {
				break
			}
			counter = b.counter
			p.began(time.Now(), b.txs)
			l.send(b)
			p.ended(time.Now())
		}
	}
}

// due: somebody waits for what is pending, or it has waited for company long enough.
func (l *Log) due() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hurried > 0 || len(l.pending) > 0 && (l.closing || time.Since(l.along) >= alongWithin)
}

// take makes the next batch; nil when all that was pending has been given up. Its transactions are in room
// that the next one takes.
func (l *Log) take(counter uint64) *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return nil
	}
	list := make([]*waiter, 0, len(l.pending))
	b := &batch{writer: l.writer, counter: counter, data: slices.Grow(l.joined[:0], min(l.octets, maxBatch))}
	n := 0
	for _, w := range l.pending {
		if len(b.data) > 0 && len(b.data)+w.size > maxBatch {
			break
		}
		n++
		l.octets -= w.size
		if w.hurried {
			l.hurried--
		}
		if w.gone {
			continue
		}
		w.begun = true
		list = append(list, w)
		b.data = appendTx(b.data, w.tx)
		w.tx = nil
		b.txs++
	}
	rest := copy(l.pending, l.pending[n:])
	clear(l.pending[rest:])
	if l.pending = l.pending[:rest]; rest == 0 && !l.along.IsZero() {
		l.along = time.Time{}
		l.patience.Stop()
	}
	if len(list) == 0 {
		return nil
	}
	l.joined = again(b.data)
	l.inflight[counter] = list
	if l.o.Sole {
		b.clock = l.clock.now().UnixMilli()
	}
	return b
}

// send appends a batch until its outcome is known. A refusal counts as one only while no attempt is
// unanswered: else that one may have stored it.
func (l *Log) send(b *batch) {
	data, id := b.encode(l.encoded, l.o.Packed == nil || l.o.Packed()), b.id()
	l.encoded = again(data)
	unanswered := false
	l.waiting.Store(int64(l.clock.elapsed()))
	defer l.waiting.Store(0)
	pause := backoff.Backoff{First: firstPause, Longest: longestPause}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
		position, err := l.o.Stream.Append(ctx, id, data)
		cancel()
		switch {
		case err == nil && l.o.Sole:
			_ = l.applyBatch(b, b.clock, position, len(data)) // it fails the log
			return
		case err == nil || l.settled(b.counter):
			if err == nil && !l.settled(b.counter) && l.state.setBack(position, b) {
				l.fail(ErrSetBack)
			}
			return
		case !unanswered && (errors.Is(err, ErrFull) || errors.Is(err, ErrRefused)):
			resolve(l.takeBack(b.counter), err)
			return
		case !errors.Is(err, ErrFull) && !errors.Is(err, ErrRefused):
			unanswered = true
		}
		select {
		case <-l.broken:
			return
		case <-time.After(pause.Next()):
		}
	}
}

// settled: the batch was applied, or the log has failed.
func (l *Log) settled(counter uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inflight[counter] == nil
}

// takeBack is who waits for a batch, unless they have been told meanwhile.
func (l *Log) takeBack(counter uint64) []*waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.inflight[counter]
	delete(l.inflight, counter)
	return list
}
