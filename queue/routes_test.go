package queue_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestRouteIsAddedWithWhatWaitsForIt: messages that another daemon stored for a route which this one does not
// know are stranded until it has the route, and are then handed out in the order they came in.
func TestRouteIsAddedWithWhatWaitsForIt(t *testing.T) {
	t.Parallel()
	url := queuetest.External(t)
	knows := queuetest.Open(t, queuetest.URL(url), queuetest.Routes("old"))
	q := queuetest.Open(t, queuetest.URL(url), queuetest.Routes("other"))
	ctx := within(t, 30*time.Second)
	const n = 20
	for i := range n {
		must(t, knows.PublishSMS(ctx, queue.Outbound{ID: strconv.Itoa(i), Ref: "r", App: "a", Route: "old", To: "+4670", Expires: knows.Now().Add(time.Minute)}))
	}
	must(t, q.Commit(ctx, q.Begin())) // all of it is known here
	if got := q.Stranded(); !slices.Equal(got, []string{"old"}) || slices.Contains(q.Routes(), "old") {
		t.Fatalf("stranded are %v", got)
	}
	must(t, q.AddRoute("old"))
	must(t, q.AddRoute("old"))
	if got := q.Stranded(); len(got) != 0 || q.SMS("old").Len() != n {
		t.Fatalf("stranded are %v, %d messages wait", got, q.SMS("old").Len())
	}
	if err := q.AddRoute("no name"); err == nil {
		t.Error("a route with a space in its name")
	}
	p, err := q.SMS("old").Pull(ctx, queue.PullOptions{Max: 1})
	must(t, err)
	defer p.Stop()
	to, err := q.SMS("other").Pull(ctx, queue.PullOptions{Max: 1})
	must(t, err)
	defer to.Stop()
	var moved []string
	for range n {
		d, err := p.Next(ctx)
		must(t, err)
		must(t, q.Commit(ctx, q.Begin().Move(d, "other")))
		d, err = to.Next(ctx)
		must(t, err)
		o, err := queue.ParseOutbound(d.Data)
		must(t, err)
		if o.Route != "other" || !o.Again {
			t.Fatalf("moved as %+v", o)
		}
		must(t, d.Ack(ctx))
		moved = append(moved, o.ID)
	}
	slices.Sort(moved)
	if moved = slices.Compact(moved); len(moved) != n || q.SMS("old").Len() != 0 || q.SMS("other").Len() != 0 {
		t.Errorf("moved %v; left %d and %d", moved, q.SMS("old").Len(), q.SMS("other").Len())
	}
}
