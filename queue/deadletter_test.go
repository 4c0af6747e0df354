package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		ctx := within(t, 15*time.Second)
		for i := range 3 {
			must(t, q.DeadLetter(ctx, queue.DeadLetter{Kind: "callback", Reason: "410 Gone", Subject: fmt.Sprint("events.batch.b", i),
				Data: []byte(fmt.Sprint("body", i)), Key: fmt.Sprint("b", i), Group: "shop"}))
		}
		all, err := q.DeadLetters(ctx, 0, 100)
		must(t, err)
		if len(all) != 3 || all[1].Reason != "410 Gone" || string(all[1].Data) != "body1" || time.Since(all[1].Time) > time.Minute {
			t.Fatalf("listed %+v", all)
		}
		rest, err := q.DeadLetters(ctx, all[0].Sequence, 1)
		must(t, err)
		if len(rest) != 1 || rest[0].Sequence != all[1].Sequence {
			t.Fatalf("after the first: %+v", rest)
		}
		must(t, q.Replay(ctx, all[1].Sequence))
		d := next(t, pull(t, q.Events(), 1, 0), 5*time.Second)
		if d.Subject != "events.batch.b1" || string(d.Data) != "body1" || d.Group != "shop" || !q.Events().Stored("b1") {
			t.Fatalf("replayed %s %s", d.Subject, d.Data)
		}
		must(t, d.Ack(ctx))
		if err := q.Replay(ctx, all[1].Sequence); !errors.Is(err, queue.ErrNotFound) {
			t.Fatalf("second replay: %v", err)
		}
		all, err = q.DeadLetters(context.Background(), 0, 100)
		must(t, err)
		if len(all) != 2 {
			t.Fatalf("%d left, want 2", len(all))
		}
	})
}

// TestDeadLettersOfOneKindPushOutNoOther: a kind that fills its share loses its own oldest.
func TestDeadLettersOfOneKindPushOutNoOther(t *testing.T) {
	q := queuetest.Open(t, queuetest.WithBounds(queue.Bounds{DeadLetters: queue.Bound{Msgs: 40}}))
	ctx := within(t, 20*time.Second)
	must(t, q.DeadLetter(ctx, queue.DeadLetter{Kind: "callback", Reason: "refused", Subject: "events.batch.a"}))
	for i := range 40 {
		must(t, q.DeadLetter(ctx, queue.DeadLetter{Kind: "receipt", Reason: fmt.Sprint(i), Subject: "parked.a"}))
	}
	all, err := q.DeadLetters(ctx, 0, 100)
	must(t, err)
	if len(all) != 11 || all[0].Kind != "callback" || all[1].Reason != "30" {
		t.Errorf("%d dead letters: %+v", len(all), all)
	}
	list, next, err := q.FindDeadLetters(ctx, queue.DeadQuery{Kind: "receipt", PageSize: 4})
	must(t, err)
	if len(list) != 4 || list[0].Reason != "30" || next != list[3].Sequence {
		t.Errorf("page %+v, next %d", list, next)
	}
	list, next, err = q.FindDeadLetters(ctx, queue.DeadQuery{After: next, PageSize: 100, Match: func(d *queue.DeadLetter) bool { return d.Reason == "39" }})
	must(t, err)
	if len(list) != 1 || next != 0 {
		t.Errorf("the rest that fits: %+v, next %d", list, next)
	}
	must(t, q.DropDeadLetter(ctx, list[0].Sequence))
	must(t, q.DropDeadLetter(ctx, list[0].Sequence))
	if _, err := q.DeadLetterAt(ctx, list[0].Sequence); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("dropped, and then %v", err)
	}
}
