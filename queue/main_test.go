package queue_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		writeForever(dir)
	}
	if os.Getenv(memberURL) != "" {
		beMember()
		return
	}
	goleak.VerifyTestMain(m)
}

// onBoth runs a test against the embedded server and against one in another process.
func onBoth(t *testing.T, test func(t *testing.T, q *queue.Queue), opts ...queuetest.Option) {
	t.Run("embedded", func(t *testing.T) { test(t, queuetest.Open(t, opts...)) })
	t.Run("external", func(t *testing.T) {
		test(t, queuetest.Open(t, append(opts, queuetest.URL(queuetest.External(t)))...))
	})
}

// within is a context for one step of a test.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sms(id string) queue.Outbound {
	return queue.Outbound{ID: id, Ref: "otp-" + id, Route: queuetest.Route, From: "Verify", To: "+33612345678", Text: []byte("sealed"),
		Expires: time.Now().Add(time.Minute)}
}

func publishN(t testing.TB, q *queue.Queue, n int) {
	t.Helper()
	for i := range n {
		must(t, q.PublishSMS(context.Background(), sms(fmt.Sprint("m", i))))
	}
}

func pull(t testing.TB, c *queue.Consumer, ahead int, priority uint8) *queue.Puller {
	t.Helper()
	p, err := c.Pull(within(t, 5*time.Second), queue.PullOptions{Max: ahead, Priority: priority})
	must(t, err)
	t.Cleanup(p.Stop)
	return p
}

func next(t testing.TB, p *queue.Puller, d time.Duration) *queue.Delivery {
	t.Helper()
	got, err := p.Next(within(t, d))
	if err != nil {
		t.Fatalf("next: %v", err)
	}
	return got
}

// run runs f until the test ends, or the function that it returns is called, and waits for it.
func run(t testing.TB, f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// idOf is the id of an SMS that was handed out.
func idOf(t testing.TB, d *queue.Delivery) string {
	t.Helper()
	o, err := queue.ParseOutbound(d.Data)
	must(t, err)
	return o.ID
}
