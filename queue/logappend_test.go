package queue

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestAnswersToAppends: the answer to an append that was given up is not taken for that of the next; the same id
// again is answered with its position; and that nobody listens is heard at once.
func TestAnswersToAppends(t *testing.T) {
	t.Parallel()
	q := openOwn(t)
	s, ctx := &logStream{q: q}, t.Context()
	_, last, err := s.Bounds(ctx)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.ask(over, 0, "given up", []byte("1")); !errors.Is(err, context.Canceled) {
		t.Fatalf("out of time: %v", err)
	}
	for _, again := range []string{"next", "again"} {
		position, err := s.ask(ctx, 0, "next", []byte("2"))
		if err != nil || position != last+2 {
			t.Errorf("%s: position %d, %v; the one that was given up is at %d", again, position, err, last+1)
		}
	}
	if position, err := s.ask(ctx, 1, "other connection", []byte("3")); err != nil || position != last+3 {
		t.Errorf("over another connection: position %d of %d, %v", position, last+3, err)
	}
	if err := q.streams[0].DeleteStream(ctx, streamLog); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ask(ctx, 0, "nobody", []byte("4")); !errors.Is(err, jetstream.ErrNoStreamResponse) {
		t.Errorf("without the stream: %v", err)
	}
}

// TestAnswerToAnAppend: what a server says of one.
func TestAnswerToAnAppend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		position   uint64
		is         func(error) bool
	}{
		{"stored", `{"stream":"LOG","seq":7}`, 7, func(err error) bool { return err == nil }},
		{"stored before", `{"stream":"LOG","seq":7,"duplicate":true}`, 7, func(err error) bool { return err == nil }},
		{"full", `{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"LOG","seq":0}`, 0, isFull},
		{"refused", `{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"stream":"LOG","seq":0}`, 0, isRefusal},
		{"no leader", `{"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}`, 0, isTransient},
		{"no position", `{"stream":"LOG"}`, 0, isTransient},
		{"nothing", ``, 0, isTransient},
		{"something else", `+ACK`, 0, isTransient},
	}
	for _, test := range tests {
		position, err := positionIn(&nats.Msg{Data: []byte(test.data)})
		if position != test.position || !test.is(err) {
			t.Errorf("%s: position %d, %v", test.name, position, err)
		}
	}
}
