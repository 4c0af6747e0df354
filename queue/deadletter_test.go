package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
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
