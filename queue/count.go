package queue

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
)

// headerIncrement makes a message an addition to its subject's sum (ADR-49, nats-server 2.12).
const headerIncrement = "Nats-Incr"

// Count adds n to the sum of a window of a name, and returns the new sum: that of all daemons, exactly,
// whoever counts meanwhile. A sum is kept in memory and forgotten two hours after its last change. An
// addition whose answer was lost is made again, so a sum may be too high by one, and never too low.
func (q *Queue) Count(ctx context.Context, name string, window int64, n int) (int64, error) {
	msg := nats.NewMsg("rate." + Token(name) + "." + strconv.FormatInt(window, 10))
	msg.Header.Set(headerIncrement, strconv.Itoa(n))
	var sum int64
	err := q.retry(ctx, func(ctx context.Context) error {
		ack, err := q.streamIn(ctx).PublishMsg(ctx, msg)
		if err != nil {
			return err
		}
		sum, err = strconv.ParseInt(ack.Value, 10, 64)
		if err != nil {
			return fmt.Errorf("queue: sum %q: %w", ack.Value, err)
		}
		return nil
	})
	return sum, err
}
