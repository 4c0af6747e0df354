package link

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/seal"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// result is what became of one part.
type result struct {
	class     Class
	status    wire.Status
	messageID string
	err       error // no answer: timeout, the session ended
	sent      bool  // it went out, or may have
	before    bool  // it was taken in an earlier try

	took time.Duration // until the answer
}

// unanswered: it may be on its way, and nobody said so.
func (r result) unanswered() bool { return r.sent && r.err != nil }

// submit sends one message and settles it with the queue: acknowledged when its outcome is stored, given back
// when it is to be sent again, or handed to another link.
func (w *shift) submit(ctx context.Context, p permit, e *errand) {
	l := w.bind.link
	m, parts, err := l.prepare(e.Delivery)
	if err != nil {
		p.release()
		l.unsendable(ctx, e, m, err)
		return
	}
	l.read(e, m)
	if l.over(ctx, e, len(parts)) || l.elsewhere(e) {
		p.release()
		return
	}
	if e.past.Dropped >= soloAfter {
		p.release()
		w.submitAlone(ctx, e, parts)
		return
	}
	leave, err := w.solo.together(ctx)
	if err != nil {
		p.release()
		l.giveBack(e, 0)
		return
	}
	t, err := w.submitParts(ctx, p, e, parts)
	leave()
	w.settle(ctx, e, t, err)
}

// read makes m the errand's message, with what is known of it.
func (l *Link) read(e *errand, m *queue.Outbound) {
	if e.m == nil {
		e.m, e.trouble = m, l.ledger.take(m.ID)
		if t := e.trouble; t != nil {
			e.reference, e.referred, e.ahead = t.reference, t.referred, t.ahead
		}
	}
}

// submitAlone sends a message under which sessions ended again and again, with nothing else in flight. When
// it does end this one too it is the reason.
func (w *shift) submitAlone(ctx context.Context, e *errand, parts []text.Part) {
	l := w.bind.link
	leave, alone, err := w.solo.alone(w.ctx)
	if err != nil {
		l.retry(e)
		return
	}
	p, err := w.reserve(w.ctx)
	if err != nil {
		leave()
		l.retry(e)
		return
	}
	l.log.Warn().Str("msg", e.m.ID).Int("drops", e.past.Dropped).Msg("the SMSC hung up each time this message was in flight; now it goes alone")
	t, err := w.submitParts(ctx, p, e, parts)
	t.alone = alone()
	leave()
	w.settle(ctx, e, t, err)
}

// keyPause is how long a message waits that was sealed with a key which is not here.
const keyPause = 10 * time.Second

// errDead is a message whose PIN is of no use any more.
var errDead = errors.New("the PIN expired before the message could be sent")

// prepare reads a queued message and makes its parts.
func (l *Link) prepare(d *queue.Delivery) (*queue.Outbound, []text.Part, error) {
	message, err := queue.ParseOutbound(d.Data)
	if err != nil {
		return nil, nil, err
	}
	m := &message
	if !l.now().Before(m.Expires) {
		return m, nil, errDead
	}
	body, err := l.deps.Open(m)
	if err != nil {
		return m, nil, fmt.Errorf("the text cannot be unsealed: %w", err)
	}
	parts, _, err := text.Split(body, 0, l.textOpt)
	if err != nil {
		return m, nil, fmt.Errorf("the text cannot be encoded: %w", err)
	}
	return m, parts, nil
}

// unsendable settles a message that no link can send: dead ones are dropped, the others kept where an
// operator sees them.
func (l *Link) unsendable(ctx context.Context, e *errand, m *queue.Outbound, cause error) {
	if errors.Is(cause, seal.ErrKey) { // another daemon may have the key, or this one after it was told
		l.log.Error().Err(cause).Str("msg", m.ID).Msg("not sent: its text does not open; it waits")
		l.giveBack(e, keyPause)
		return
	}
	if errors.Is(cause, errDead) {
		l.read(e, m)
		store, cancel := context.WithTimeout(ctx, sinkTimeout)
		defer cancel()
		if _, err := l.inherit(store, e, 1); err != nil {
			l.retry(e)
			return
		}
		l.log.Info().Str("msg", m.ID).Msg("not sent: the PIN has expired")
		l.deps.Metrics.dead(l.cfg.Name)
		l.ack(ctx, e)
		return
	}
	l.log.Error().Err(cause).Msg("message dead-lettered")
	store, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	err := l.deps.Queue.DeadLetter(store, queue.DeadLetter{Kind: "sms", Reason: cause.Error(), Subject: e.Subject, Data: e.Data})
	if err != nil {
		l.giveBack(e, time.Minute)
		return
	}
	l.ack(ctx, e)
}

// try is one message over one bind, once.
type try struct {
	sent    time.Time // when it began
	alone   bool      // nothing else was in flight
	results []result
}

// whole: the SMSC has every part.
func (t *try) whole() bool { return t.results[worstOf(t.results)].class == Taken }

// refer gives parts that a handset puts together the reference of their message: the same at each try.
func (l *Link) refer(ctx context.Context, e *errand, parts []text.Part) {
	if len(parts) == 1 {
		return
	}
	if !e.referred {
		e.reference, e.referred = l.deps.References.of(ctx, e.m.To, e.m.ID), true
	}
	text.Refer(parts, e.reference)
}

// submitParts sends the parts that this link's SMSC has not taken before, each with a permit of its own, the
// first with the one given. They are in flight together.
func (w *shift) submitParts(ctx context.Context, first permit, e *errand, parts []text.Part) (*try, error) {
	t := &try{results: make([]result, len(parts))}
	if err := w.bind.link.countAhead(ctx, e, len(parts)); err != nil {
		first.release()
		return t, err
	}
	w.bind.link.refer(ctx, e, parts)
	if t.sent = w.bind.link.now(); e.ahead != 0 {
		t.sent = time.Unix(0, e.ahead)
	}
	var others sync.WaitGroup
	at := -1 // the part that goes with the first permit
	for i := range parts {
		if e.took(w.bind.link, i, len(parts)) {
			t.results[i] = result{class: Taken, before: true}
			continue
		}
		if at < 0 {
			at = i
			continue
		}
		others.Go(func() {
			p, err := w.reserve(ctx)
			if err != nil {
				t.results[i] = result{class: Temporary, err: err}
				return
			}
			t.results[i] = w.submitPart(ctx, p, e.m, &parts[i])
		})
	}
	if at < 0 { // all were taken, but that was not stored
		first.release()
		return t, nil
	}
	t.results[at] = w.submitPart(ctx, first, e.m, &parts[at])
	others.Wait()
	return t, nil
}

func (w *shift) submitPart(ctx context.Context, p permit, m *queue.Outbound, part *text.Part) (r result) {
	l := w.bind.link
	pdu, err := l.submitSM(m, part)
	if err != nil {
		p.release()
		return result{class: Permanent, status: wire.StatusInvSrcAdr, err: err}
	}
	defer func() { p.governor.answered(r.class, p.granted) }()
	begun := time.Now()
	request, err := p.slot.Start(ctx, wire.SubmitSM, pdu)
	if err != nil {
		return result{class: Temporary, err: err}
	}
	f, err := request.Wait(ctx)
	if err != nil {
		return result{class: Temporary, err: err, sent: true}
	}
	if f.Status == wire.StatusOK {
		w.bind.took.Store(true)
	}
	return result{class: l.cfg.classify(f.Status), status: f.Status, messageID: wire.DecodeMessageResp(f).MessageID, sent: true, took: time.Since(begun)}
}
