package queue

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// TestClaimsOfAPullerThatLeft: a daemon's last puller leaves while messages are being claimed for it, as a link
// does that loses its carrier. They are given back: another daemon gets them, though the first one lives.
func TestClaimsOfAPullerThatLeft(t *testing.T) {
	t.Parallel()
	url := sharedServer(t)
	a, b := openShared(t, url), openShared(t, url)
	const rounds, each = 10, 5
	for round := range rounds {
		for n := range each {
			m := Message{Subject: "events.item.x", Key: fmt.Sprintf("x.%d.%d", round, n), Group: "demo", Data: []byte("x")}
			if err := a.Publish(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		left, err := a.Events().Pull(t.Context(), PullOptions{Max: each})
		if err != nil {
			t.Fatal(err)
		}
		left.Stop()
		p := pullEvents(t, b)
		for n := range each {
			d, err := nextWithin(t, p, time.Minute)
			if err != nil {
				t.Fatalf("round %d: after %d of %d messages: %v", round, n, each, err)
			}
			if err := d.Ack(context.WithoutCancel(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		p.Stop()
	}
}

// TestClaimThatLastsDelaysNobody: a claim that its log does not answer keeps its place for a moment only, and
// what is behind it is handed out.
func TestClaimThatLastsDelaysNobody(t *testing.T) {
	t.Parallel()
	q := openShared(t, sharedServer(t))
	w := q.Events().work
	lasting := &item{key: "y", group: "demo", state: itemClaiming, asked: time.Now()}
	w.mu.Lock()
	w.items[lasting.key] = lasting
	w.count(lasting.group, 1, 0)
	w.claimed.push(lasting)
	w.mu.Unlock()
	if err := q.Publish(t.Context(), Message{Subject: "events.item.x", Key: "x", Group: "demo", Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	p, err := q.Events().Pull(t.Context(), PullOptions{Max: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	d, err := nextWithin(t, p, time.Minute)
	if err != nil {
		t.Fatalf("behind a claim that lasts: %v", err)
	}
	if err := d.Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !lasting.late || w.late != 1 || lasting.in != nil {
		t.Errorf("the claim that lasts: late %v, %d of them, in its place %v", lasting.late, w.late, lasting.in != nil)
	}
}
