package link

import (
	"context"
	"errors"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// taken ends a message that the SMSC has, whole. The ids of its parts are stored in the same transaction; where
// nothing waits for it, that shares the append of another (queue.Tx.Along).
func (l *Link) taken(ctx context.Context, e *errand, t *try, along bool) {
	h := HandedOver{Link: l.cfg.Name, Message: e.m, Sent: t.sent, Parts: l.accepted(e, t)}
	for _, r := range t.results {
		h.IDs = append(h.IDs, r.messageID)
		h.Took = max(h.Took, r.took)
	}
	err := l.endTaken(ctx, e, h, along)
	if errors.Is(err, queue.ErrConflict) { // another message got one of the ids in the same moment
		store, cancel := context.WithTimeout(ctx, sinkTimeout)
		h.Parts, err = l.tell(store, h.Parts)
		cancel()
		if err == nil {
			err = l.endTaken(ctx, e, h, false)
		}
	}
	if err != nil {
		l.noteTaken(e, t)
		e.trouble.ids = append(e.trouble.ids, h.Parts...)
		e.trouble.ahead = e.ahead
		l.endLater(e, err)
		return
	}
	l.uncount(ctx, e, t)
}

// uncount takes back a try that was counted before it went out. It comes behind the end of its message: before
// it, a daemon that lost the message in between would have left a copy that nobody counts. That it may stay
// counted does no harm.
func (l *Link) uncount(ctx context.Context, e *errand, t *try) {
	if e.ahead == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	if err := l.deps.Sink.Answered(ctx, Unanswered{Link: l.cfg.Name, Message: e.m, Of: len(t.results), Sent: time.Unix(0, e.ahead)}); err != nil {
		l.log.Debug().Err(err).Str("msg", e.m.ID).Msg("a copy that was answered stays counted as unanswered")
	}
}

// unhurried: the end of a message that was taken may be stored some milliseconds later, with what somebody waits
// for. Not where it keeps a message from being begun, nor of a copy, which is counted until then, nor of one of
// several parts, whose receipts are told apart by whether all of them are known to be taken.
func (w *shift) unhurried(e *errand, t *try) bool {
	return 2*len(w.bind.unsettled) <= cap(w.bind.unsettled) && e.ahead == 0 && len(t.results) == 1
}

func (l *Link) endTaken(ctx context.Context, e *errand, h HandedOver, along bool) error {
	tx := l.deps.Queue.Begin().Done(e.Delivery)
	if along {
		tx.Along()
	}
	stored := l.deps.Sink.HandedOver(tx, h)
	err := l.commit(ctx, tx)
	if err != nil {
		for i := range h.Parts {
			h.Parts[i].Again = true
		}
		return err
	}
	stored()
	return nil
}

// recordTaken tells the Sink the ids of the parts that were taken, also when another has to be sent again,
// for their receipts will come. What is taken is not sent again, stored or not.
func (l *Link) recordTaken(ctx context.Context, e *errand, t *try) error {
	if !t.whole() {
		l.noteTaken(e, t)
	}
	rest, err := l.tell(ctx, l.accepted(e, t))
	if err != nil {
		l.noteTaken(e, t)
		e.trouble.ids = append(e.trouble.ids, rest...)
	}
	return err
}

// tell tells the Sink of parts that were taken, and returns those that it could not store.
func (l *Link) tell(ctx context.Context, parts []Accepted) (rest []Accepted, err error) {
	for i, a := range parts {
		if err := l.deps.Sink.Accepted(ctx, a); err != nil {
			parts[i].Again = true
			return parts[i:], err
		}
	}
	return nil, nil
}

// accepted are the parts that were taken in this try.
func (l *Link) accepted(e *errand, t *try) (parts []Accepted) {
	for i, r := range t.results {
		if r.class == Taken && !r.before {
			parts = append(parts, Accepted{Link: l.cfg.Name, MessageID: r.messageID, Message: e.m, Part: i + 1, Parts: len(t.results),
				Sent: t.sent, Took: r.took})
		}
	}
	return parts
}

// noteTaken remembers which parts were taken, if any.
func (l *Link) noteTaken(e *errand, t *try) {
	n := e.remember()
	for i, r := range t.results {
		if r.class != Taken {
			continue
		}
		if n.link != l.cfg.Name || len(n.taken) != len(t.results) {
			n.link, n.taken = l.cfg.Name, make([]bool, len(t.results))
		}
		n.taken[i] = true
	}
}
