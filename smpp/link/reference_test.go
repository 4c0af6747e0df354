package link_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/standstill"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/text"
)

// heard is the references that an SMSC was given, by message.
type heard struct {
	t       *testing.T
	mu      sync.Mutex
	parts   map[string]int
	of      map[string]byte
	message map[byte]string // of this round and the one before
	shared  []string        // two messages with one reference
}

var messageName = regexp.MustCompile(`\d{4}`)

// submitted notes a part, in whose text its message's name is.
func (h *heard) submitted(s smsc.SubmitInfo) smsc.Outcome {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := text.ParsePart(s.PDU.ESMClass, s.PDU.DataCoding, s.PDU.ShortMessage, s.PDU.TLVs)
	name := messageName.FindString(s.Text)
	ref, known := h.of[name]
	if err != nil || p.Total != 2 || known && ref != byte(p.Ref) {
		h.t.Errorf("part %d of %d of %s has the reference %d, another %d (%v)", p.Number, p.Total, name, p.Ref, ref, err)
	}
	ref = byte(p.Ref)
	if other := h.message[ref]; other != "" && other != name {
		h.shared = append(h.shared, fmt.Sprintf("%s and %s have the same reference %d", other, name, ref))
	}
	h.of[name], h.message[ref] = ref, name
	h.parts[name]++
	return smsc.Outcome{}
}

// forget has the references of those messages come again.
func (h *heard) forget(from, to int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := from; i < to; i++ {
		delete(h.message, h.of[fmt.Sprintf("%04d", i)])
	}
}

// TestReferencesOverDaemonsAndRestarts: 300 messages of two parts go to one number over two daemons, one of
// which is started anew between. Parts of one message have one reference, and of 256 messages no two have
// the same.
func TestReferencesOverDaemonsAndRestarts(t *testing.T) {
	stood := standstill.Watch(t)
	h := &heard{t: t, parts: make(map[string]int), of: make(map[string]byte), message: make(map[byte]string)}
	r := newRig(t, smsc.Config{OnSubmit: h.submitted, ReceiptDelay: time.Hour})
	url := queuetest.External(t)
	daemon := func(name string) (q *queue.Queue, stop func()) {
		q = queuetest.Open(t, queuetest.URL(url))
		l := link.New(r.config(func(c *link.Config) { c.Name = name }), link.Deps{
			Queue: q, Sink: r.sink, Log: zerolog.Nop(), References: link.NewReferences(q, func(_, n string) string { return n }),
			Open: func(m *queue.Outbound) (string, error) { return string(m.Text), nil },
		})
		return q, r.run(l)
	}
	n := 0
	send := func(q *queue.Queue, messages int) {
		t.Helper()
		r.q = q
		for range messages {
			r.put("+46700000001", strings.Repeat(fmt.Sprintf("Your code: %04d", n), 15)) // 153 and 72 septets
			n++
		}
		for range 2 * messages {
			next(t, r.sink.accepted)
		}
		r.drained()
	}
	first, stop := daemon("first")
	second, _ := daemon("second")
	send(second, 128)
	stop()
	queuetest.Close(t, first)
	send(second, 32)
	_, _ = daemon("third")
	send(second, 96)
	h.forget(0, 128) // the last 128 are not to come again among the next
	send(second, 44)
	for name, parts := range h.parts {
		if parts != 2 {
			t.Errorf("%s went out in %d parts", name, parts)
		}
	}
	// A daemon whose store does not answer for two seconds counts by itself.
	if len(h.shared) > 0 && stood() < time.Second {
		t.Errorf("%s", h.shared)
	}
	if len(h.parts) != n || n != 300 {
		t.Errorf("%d messages of %d", len(h.parts), n)
	}
}
