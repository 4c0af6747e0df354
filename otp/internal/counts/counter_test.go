package counts

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

func storeOf(q *queue.Queue) Store { return Store{Bucket: q.Guard(), Now: q.Now, Log: zerolog.Nop()} }

// TestMemoryIsBounded: of more groups than there is room for, all that was counted and not stored yet is kept
// within the bound.
func TestMemoryIsBounded(t *testing.T) {
	var c Counter
	for n := range 3 * groupsKept {
		c.Add(fmt.Sprint(n), time.Unix(0, 0), 1, 0)
	}
	if n := len(c.pending); n != groupsKept {
		t.Errorf("%d groups wait for the store, want %d", n, groupsKept)
	}
	for n := range 2 * groupsKept {
		c.know(fmt.Sprint(n), empty(), 1)
	}
	if n := c.read.Len(); n != groupsKept {
		t.Errorf("%d groups are remembered, want %d", n, groupsKept)
	}
}

// TestWritersLoseNothing: two daemons that count the same group, each without what the other has stored last.
func TestWritersLoseNothing(t *testing.T) {
	q := queuetest.Open(t)
	s := storeOf(q)
	var a, b, fresh Counter
	for range 20 {
		for _, c := range []*Counter{&a, &b} {
			c.Add("country.SE", s.Now(), 2, 1)
			c.Flush(context.Background(), s)
		}
	}
	if w := fresh.Of(t.Context(), s, "country.SE").Since(s.Now(), time.Hour); w != (Window{80, 40}) {
		t.Errorf("%+v, want 80 sent and 40 verified", w)
	}
}

// TestCountsOutliveTheStore: what cannot be stored counts all the same, and is stored later.
func TestCountsOutliveTheStore(t *testing.T) {
	q := queuetest.Open(t)
	s := storeOf(q)
	var c, fresh Counter
	c.Add("country.SE", s.Now(), 3, 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the store is away"))
	c.Flush(ctx, s)
	if w := c.Of(ctx, s, "country.SE").Since(s.Now(), time.Hour); w.Sent != 3 {
		t.Errorf("without the store: %+v", w)
	}
	c.Flush(t.Context(), s)
	if w := fresh.Of(t.Context(), s, "country.SE").Since(s.Now(), time.Hour); w.Sent != 3 {
		t.Errorf("then: %+v", w)
	}
}

func TestOldCountsAreForgotten(t *testing.T) {
	now := time.Unix(100*86400, 0)
	c := empty()
	for day := range 30 {
		c.add(now.Add(-time.Duration(day)*24*time.Hour), 2, 1)
	}
	kept := c.plus(empty(), now)
	if len(kept.Days) != daysKept || len(kept.SentDays) != daysKept || len(kept.Slots) != 2 {
		t.Errorf("%d days, %d days sent, %d slots", len(kept.Days), len(kept.SentDays), len(kept.Slots))
	}
}
