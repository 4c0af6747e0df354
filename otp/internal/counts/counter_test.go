package counts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

var sweden = Group{Kind: "country", Name: "SE"}

func storeOf(q *queue.Queue) Store {
	return Store{Bucket: q.Guard(), Key: func(g Group) string { return g.Kind + "." + g.Name }, Now: q.Now, Log: zerolog.Nop()}
}

// TestMemoryIsBounded: of more groups than there is room for, all that was counted and not stored yet is kept
// within the bound.
func TestMemoryIsBounded(t *testing.T) {
	var c Counter
	for n := range 3 * groupsKept {
		c.Add(Group{Name: fmt.Sprint(n)}, time.Unix(0, 0), 1, 0)
	}
	if n := len(c.pending); n != groupsKept {
		t.Errorf("%d groups wait for the store, want %d", n, groupsKept)
	}
	for n := range 2 * groupsKept {
		c.know(Store{Now: time.Now}, Group{Name: fmt.Sprint(n)}, empty(), 1)
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
			c.Add(sweden, s.Now(), 2, 1)
			c.Flush(context.Background(), s)
		}
	}
	if w := fresh.Traffic(t.Context(), s, sweden, s.Now()).Hour; w != (Window{80, 40}) {
		t.Errorf("%+v, want 80 sent and 40 verified", w)
	}
}

// TestAloneNothingIsReadAgain: what another daemon stored is seen once what is known here is too old; who has the
// store alone does not ask for it.
func TestAloneNothingIsReadAgain(t *testing.T) {
	s := storeOf(queuetest.Open(t))
	for alone, want := range map[bool]int{false: 5, true: 2} {
		g := Group{Kind: "alone", Name: strconv.FormatBool(alone)}
		mine := s
		mine.Alone = alone
		var c, other Counter
		c.Add(g, s.Now(), 2, 0)
		c.Flush(t.Context(), mine)
		other.Add(g, s.Now(), 3, 0)
		other.Flush(t.Context(), s)
		if known, ok := c.read.Get(g); ok {
			known.at = time.Time{}
			c.read.Add(g, known)
		}
		if w := c.Traffic(t.Context(), mine, g, s.Now()).Hour; w.Sent != want {
			t.Errorf("alone %t: %d sent, want %d", alone, w.Sent, want)
		}
	}
}

// TestCountsOutliveTheStore: what cannot be stored counts all the same, and is stored later.
func TestCountsOutliveTheStore(t *testing.T) {
	q := queuetest.Open(t)
	s := storeOf(q)
	var c, fresh Counter
	c.Add(sweden, s.Now(), 3, 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the store is away"))
	c.Flush(ctx, s)
	if w := c.Traffic(ctx, s, sweden, s.Now()).Hour; w.Sent != 3 {
		t.Errorf("without the store: %+v", w)
	}
	c.Flush(t.Context(), s)
	if w := fresh.Traffic(t.Context(), s, sweden, s.Now()).Hour; w.Sent != 3 {
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

// TestUnknownOutcomeCountsOnce: a daemon whose store hangs now and then, and takes its counts a moment after it
// gave up waiting, counts nothing twice and forgets nothing, beside one that counts the same group.
func TestUnknownOutcomeCountsOnce(t *testing.T) {
	server := queuetest.StartServer(t)
	q := queuetest.Open(t, queuetest.URL(server.URL))
	s := storeOf(q)
	var unsure, other, fresh Counter
	unsure.Add(sweden, s.Now(), 1, 0)
	unsure.Flush(t.Context(), s)
	doubted, sent, verified := 0, 1, 0
	for ; doubted < 3 && sent < 20; sent++ {
		unsure.Add(sweden, s.Now(), 1, 0)
		signal(t, server, syscall.SIGSTOP)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		unsure.Flush(ctx, s)
		cancel()
		signal(t, server, syscall.SIGCONT)
		if len(unsure.pending[sweden].doubtful) > 0 {
			doubted++
		}
		if doubted%2 == 0 {
			verified++
			other.Add(sweden, s.Now(), 0, 1)
			other.Flush(t.Context(), s)
		}
		if w := unsure.Traffic(t.Context(), s, sweden, s.Now()).Hour; w.Sent != sent+1 {
			t.Errorf("who is unsure knows of %d sent, want %d", w.Sent, sent+1)
		}
		unsure.Flush(t.Context(), s)
	}
	if doubted == 0 {
		t.Fatal("no outcome was unknown: that shows nothing")
	}
	if w := fresh.Traffic(t.Context(), s, sweden, s.Now()).Hour; w != (Window{sent, verified}) {
		t.Errorf("%+v, want %d sent and %d verified", w, sent, verified)
	}
}

func signal(t *testing.T, s *queuetest.Server, what syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(s.Pid(), what); err != nil {
		t.Fatal(err)
	}
}
