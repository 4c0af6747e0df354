package link

import (
	"context"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// errand is a message in the hands of this daemon, from the queue's giving it until it is acknowledged or
// given back.
type errand struct {
	*queue.Delivery
	m *queue.Outbound // once it was read

	tried   []*Link  // links that could not send it since the queue gave it
	trouble *trouble // of before; nil for none
	past    Past     // as the store has it
	asked   bool     // past was asked for
	ahead   int64    // the try that was told as unanswered before it went out, by its time; zero: none

	reference uint16 // of its parts, once it is referred
	referred  bool
}

// remember is the errand's trouble, made if there was none.
func (e *errand) remember() *trouble {
	if e.trouble == nil {
		e.trouble = &trouble{until: e.m.Expires}
	}
	return e.trouble
}

// ack takes the message off the queue: its outcome is stored.
func (l *Link) ack(ctx context.Context, e *errand) {
	if err := l.commit(ctx, l.deps.Queue.Begin().Done(e.Delivery)); err != nil {
		l.endLater(e, err)
	}
}

func (l *Link) commit(ctx context.Context, tx *queue.Tx) error {
	ctx, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	return l.deps.Queue.Commit(ctx, tx)
}

// endLater ends an errand later whose end cannot be stored now: the message comes back, and what is known of
// it here, or in the store, keeps it from being sent once more.
func (l *Link) endLater(e *errand, err error) {
	l.log.Error().Err(err).Uint64("sequence", e.Sequence).Msg("it is not stored that the message is done; that is tried again")
	if e.m == nil {
		_ = e.Nak(retryDelayLimit)
		return
	}
	l.retry(e)
}

// giveBack returns the message to the queue, for any bind, after a delay; what is known of it stays here.
func (l *Link) giveBack(e *errand, delay time.Duration) {
	if e.trouble != nil {
		e.trouble.attempt, e.trouble.orphan = e.Attempt, e.Orphan
		e.trouble.reference, e.trouble.referred = e.reference, e.referred
		l.ledger.keep(e.m.ID, e.trouble)
	}
	if err := e.Nak(delay); err != nil {
		l.log.Debug().Err(err).Msg("nak not sent, the queue gives the message again when its wait is over")
	}
}
