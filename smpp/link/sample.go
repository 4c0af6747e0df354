package link

import (
	"context"
	"errors"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// ErrNotBound: the link has no bind that could send.
var ErrNotBound = errors.New("link: no bind of the link can send")

// Sample is what became of one part of a message that was sent over this very link, past the queue.
type Sample struct {
	Part      int // from 1
	MessageID string
	Status    wire.Status
	Took      time.Duration // to the answer
	Err       error         // no answer came, or nothing was sent
}

// SendSample sends a message over the link, as often as once, in its turn among the others, and waits for the
// answers. It is for an operator who tries a link. The Sink hears of what was taken, so that its receipts are
// known.
func (l *Link) SendSample(ctx context.Context, m *queue.Outbound, body string) ([]Sample, error) {
	parts, _, err := text.Split(body, 0, l.textOpt)
	if err != nil {
		return nil, err
	}
	l.refer(ctx, &errand{m: m}, parts)
	done := make(chan []Sample, 1)
	for _, b := range l.binds {
		b.mu.Lock()
		w := b.shift
		if w != nil {
			w.sending.Go(func() { done <- w.sample(ctx, m, parts) })
		}
		b.mu.Unlock()
		if w != nil {
			return <-done, nil
		}
	}
	return nil, ErrNotBound
}

func (w *shift) sample(ctx context.Context, m *queue.Outbound, parts []text.Part) []Sample {
	l := w.bind.link
	samples := make([]Sample, len(parts))
	var results []result
	for i := range parts {
		s := &samples[i]
		s.Part = i + 1
		p, err := w.reserve(ctx)
		if err != nil {
			s.Err = err
			continue
		}
		begun := time.Now()
		r := w.submitPart(ctx, p, m, &parts[i])
		results = append(results, r)
		s.MessageID, s.Status, s.Took, s.Err = r.messageID, r.status, time.Since(begun), r.err
		if r.class != Taken || r.err != nil {
			continue
		}
		store, cancel := context.WithTimeout(context.WithoutCancel(ctx), sinkTimeout)
		s.Err = l.deps.Sink.Accepted(store, Accepted{Link: l.cfg.Name, MessageID: r.messageID, Message: m, Part: i + 1, Parts: len(parts)})
		cancel()
	}
	l.deps.Metrics.submitted(l.cfg.Name, results)
	return samples
}
