package link

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/seal"
	"github.com/otpgw/otpgw/smpp/session"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// result is what became of one part.
type result struct {
	class     Class
	status    wire.Status
	messageID string
	err       error // no answer: timeout, the session ended
}

// submit sends one message and settles it with the queue: acknowledged when its outcome is stored, given back when it is
// to be sent again.
func (b *bind) submit(ctx context.Context, p permit, e errand) {
	l := b.link
	m, parts, err := l.prepare(e.Delivery)
	if err != nil {
		p.release()
		l.unsendable(ctx, e.Delivery, m, err)
		return
	}
	// The message went over this link before, in vain: another one is better, if there is one. It is given what it needs
	// while this permit is held, which is rare enough.
	if m.Avoid == l.cfg.Name && len(e.tried) == 0 && l.handOver(ctx, e, m.Route, l.log.Debug().Str("msg", m.ID).Msg) {
		p.release()
		return
	}
	results := b.submitParts(ctx, p, m, parts)
	worst := worstOf(results)
	if r := &results[worst]; r.class == OtherLink && l.lastResort(e, m.Route) {
		r.class = Permanent
	}
	l.deps.Metrics.submitted(l.cfg.Name, results)
	if err := l.record(ctx, m, results); err != nil {
		// Better a second SMS than a receipt that nobody can match, or an outcome that nobody is told.
		l.log.Error().Err(err).Str("msg", m.ID).Msg("outcome not stored, the message is sent again")
		b.giveBack(e.Delivery, time.Second)
		return
	}
	if r := results[worst]; r.class != Taken && r.class != Permanent {
		b.later(ctx, p.sess, e, m, r)
		return
	}
	ack, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	if err := e.Ack(ack); err != nil {
		l.log.Error().Err(err).Str("msg", m.ID).Msg("ack not confirmed, the message may be sent again")
	}
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
	if time.Until(m.Expires) <= 0 {
		return m, nil, errDead
	}
	body, err := l.deps.Open(m)
	if err != nil {
		return m, nil, fmt.Errorf("the text cannot be unsealed: %w", err)
	}
	parts, _, err := text.Split(body, reference(m.ID), l.textOpt)
	if err != nil {
		return m, nil, fmt.Errorf("the text cannot be encoded: %w", err)
	}
	return m, parts, nil
}

// reference is a message's concatenation reference: the same each time the message is sent.
func reference(id string) uint16 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return uint16(h.Sum32())
}

// unsendable settles a message that no link can send: dead ones are dropped, the others kept where an operator sees them.
func (l *Link) unsendable(ctx context.Context, d *queue.Delivery, m *queue.Outbound, cause error) {
	ctx, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	if errors.Is(cause, seal.ErrKey) { // another daemon may have the key, or this one after it was told
		l.log.Error().Err(cause).Str("msg", m.ID).Msg("not sent: its text does not open; it waits")
		_ = d.Nak(keyPause)
		return
	}
	if errors.Is(cause, errDead) {
		l.log.Info().Str("msg", m.ID).Msg("not sent: the PIN has expired")
		l.deps.Metrics.dead(l.cfg.Name)
	} else {
		l.log.Error().Err(cause).Msg("message dead-lettered")
		err := l.deps.Queue.DeadLetter(ctx, queue.DeadLetter{Kind: "sms", Reason: cause.Error(), Subject: d.Subject, Data: d.Data})
		if err != nil {
			_ = d.Nak(time.Minute)
			return
		}
	}
	if err := d.Ack(ctx); err != nil {
		l.log.Debug().Err(err).Msg("ack not confirmed")
	}
}

// submitParts sends the parts, each with a permit of its own, the first with the one given. They are in flight together.
func (b *bind) submitParts(ctx context.Context, first permit, m *queue.Outbound, parts []text.Part) []result {
	results := make([]result, len(parts))
	var others sync.WaitGroup
	for i := 1; i < len(parts); i++ {
		others.Go(func() {
			p, err := b.reserve(ctx, first.sess)
			if err != nil {
				results[i] = result{class: Temporary, err: err}
				return
			}
			results[i] = b.submitPart(ctx, p, m, &parts[i])
		})
	}
	results[0] = b.submitPart(ctx, first, m, &parts[0])
	others.Wait()
	return results
}

func (b *bind) submitPart(ctx context.Context, p permit, m *queue.Outbound, part *text.Part) (r result) {
	pdu, err := b.link.submitSM(m, part)
	if err != nil {
		p.release()
		return result{class: Permanent, status: wire.StatusInvSrcAdr, err: err}
	}
	defer func() { p.governor.answered(r.class, p.granted) }()
	f, err := p.slot.Do(ctx, wire.SubmitSM, pdu)
	switch {
	case err == nil:
		if f.Status == wire.StatusOK {
			b.took.Store(true)
		}
		return result{class: b.link.cfg.classify(f.Status), status: f.Status, messageID: wire.DecodeMessageResp(f).MessageID}
	case errors.Is(err, session.ErrTimeout) && b.link.cfg.OnTimeout == TimeoutFail:
		return result{class: Permanent, status: StatusNoAnswer, err: err}
	default:
		return result{class: Temporary, err: err}
	}
}

// worstOf is the result that decides: what must not be tried again, before what has to be, before what is refused, before
// what is taken.
func worstOf(results []result) int {
	order := map[Class]int{Taken: 0, Permanent: 1, OtherLink: 2, Temporary: 3, Delayed: 4, Throttled: 5, Misconfigured: 6}
	rank := func(r result) int {
		if r.status == StatusNoAnswer && r.class == Permanent {
			return len(order)
		}
		return order[r.class]
	}
	worst := 0
	for i, r := range results {
		if rank(r) > rank(results[worst]) {
			worst = i
		}
	}
	return worst
}

// record tells the Sink what the SMSC said of each part: ids of parts that were taken even when another has to be sent
// again, for their receipts will come; a refusal only when nothing is to be tried again.
func (l *Link) record(ctx context.Context, m *queue.Outbound, results []result) error {
	ctx, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	for i, r := range results {
		if r.class != Taken || r.messageID == "" {
			continue
		}
		a := Accepted{Link: l.cfg.Name, MessageID: r.messageID, Message: m, Part: i + 1, Parts: len(results)}
		if err := l.deps.Sink.Accepted(ctx, a); err != nil {
			return err
		}
	}
	worst := worstOf(results)
	if r := results[worst]; r.class == Permanent {
		l.log.Warn().Str("msg", m.ID).Stringer("status", r.status).AnErr("cause", r.err).Msg("the message is refused for good")
		return l.deps.Sink.Refused(ctx, Refused{Link: l.cfg.Name, Status: r.status, Message: m, Part: worst + 1, Parts: len(results)})
	}
	return nil
}
