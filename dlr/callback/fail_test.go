package callback

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/seal"
)

func deadLetters(t *testing.T, q *queue.Queue) []queue.DeadLetter {
	t.Helper()
	list, err := q.DeadLetters(context.Background(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestOrderUnderFailures has two dispatchers on one queue, and an application that fails one request in
// three.
func TestOrderUnderFailures(t *testing.T) {
	q := queuetest.Open(t)
	const otps, changes = 60, 4
	accepted := make(chan []item, 10000)
	app := receiver(t, func(r request) int {
		if rand.IntN(3) == 0 {
			return http.StatusServiceUnavailable
		}
		accepted <- r.Data
		return 200
	})
	o := options(t, q)
	o.Log = zerolog.Nop()
	o.Schedule = make([]time.Duration, 40)
	for i := range o.Schedule {
		o.Schedule[i] = 20 * time.Millisecond
	}
	start(t, o)
	start(t, o)
	for n := 1; n <= changes; n++ {
		for i := range otps {
			publish(t, q, event(app.URL, fmt.Sprint("o", i), n))
		}
	}
	empty(t, q)
	var list []item
	for len(accepted) > 0 {
		list = append(list, <-accepted...)
	}
	inOrder(t, list)
	inOrder(t, app.items()) // also of those it refused, none came before its turn
	if len(list) != otps*changes {
		t.Errorf("%d items were accepted, want each of %d once", len(list), otps*changes)
	}
	ids := make(map[string]string)
	for _, r := range app.requests() {
		if b, ok := ids[r.id]; ok && b != r.body {
			t.Errorf("request %s had two bodies", r.id)
		}
		ids[r.id] = r.body
	}
	await.That(t, "no hold is left", func() bool {
		for i := range otps {
			if _, err := q.Holds().Get(context.Background(), fmt.Sprint("o", i)); err == nil {
				return false
			}
		}
		return true
	})
}

func TestDeadURLGoesToDLQAndIsReplayed(t *testing.T) {
	q := queuetest.Open(t)
	var up atomic.Bool
	app := receiver(t, func(request) int {
		if up.Load() {
			return 200
		}
		return 500
	})
	o := options(t, q)
	o.Log = zerolog.Nop()
	start(t, o)
	publish(t, q, event(app.URL, "o1", 1))
	await.That(t, "a dead letter", func() bool { return msgs(t, q, "DLQ") == 1 })
	empty(t, q)
	if got := len(app.requests()); got != len(quick) {
		t.Errorf("%d tries, want %d", got, len(quick))
	}
	dead := deadLetters(t, q)[0]
	if dead.Kind != "callback" || dead.Reason != reasonExhausted {
		t.Errorf("dead letter %s, %s", dead.Kind, dead.Reason)
	}
	up.Store(true)
	publish(t, q, event(app.URL, "o1", 2)) // the next change is not held up by the dead one
	empty(t, q)
	if err := q.Replay(context.Background(), dead.Sequence); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the replay came", func() bool { return len(app.items()) == len(quick)+2 })
	empty(t, q)
	got := app.requests()
	if first, last := got[0], got[len(got)-1]; last.id != first.id || last.body != first.body {
		t.Errorf("replayed as %s %s, want %s %s", last.id, last.body, first.id, first.body)
	}
}

func TestReplayThatFailsIsRetried(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, func(request) int { return 500 })
	o := options(t, q)
	o.Log, o.Schedule = zerolog.Nop(), quick[:2]
	start(t, o)
	publish(t, q, event(app.URL, "o1", 1))
	for round := 1; round <= 2; round++ {
		await.That(t, "a dead letter", func() bool { return msgs(t, q, "DLQ") == 1 && msgs(t, q, "events") == 0 })
		if got := len(app.requests()); got != 2*round {
			t.Fatalf("%d tries after round %d, want %d", got, round, 2*round)
		}
		if round == 1 {
			if err := q.Replay(context.Background(), deadLetters(t, q)[0].Sequence); err != nil {
				t.Fatal(err)
			}
			await.That(t, "it is tried again", func() bool { return len(app.requests()) > 2 })
		}
	}
}

func TestGoneDisablesTheURL(t *testing.T) {
	q := queuetest.Open(t)
	var gone atomic.Bool
	gone.Store(true)
	app := receiver(t, func(request) int {
		if gone.Load() {
			return http.StatusGone
		}
		return 200
	})
	other := receiver(t, nil)
	o := options(t, q)
	o.Log = zerolog.Nop()
	_, stop := start(t, o)
	publish(t, q, event(app.URL, "o1", 1))
	await.That(t, "a dead letter", func() bool { return msgs(t, q, "DLQ") == 1 })
	gone.Store(false)
	publish(t, q, event(app.URL, "o1", 2), event(other.URL, "o2", 1))
	await.That(t, "a second dead letter", func() bool { return msgs(t, q, "DLQ") == 2 })
	stop()
	d, _ := start(t, o) // it stays so after a restart
	publish(t, q, event(app.URL, "o3", 1))
	await.That(t, "a third dead letter", func() bool { return msgs(t, q, "DLQ") == 3 })
	if got := len(app.requests()); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
	if got := len(other.requests()); got != 1 {
		t.Errorf("the other URL got %d requests, want 1", got)
	}
	if err := d.Enable(context.Background(), "demo", app.URL); err != nil {
		t.Fatal(err)
	}
	publish(t, q, event(app.URL, "o4", 1))
	empty(t, q)
	if got := len(app.requests()); got != 2 {
		t.Errorf("%d requests after it was enabled, want 2", got)
	}
}

func TestRefusedAddressIsRetriedThenDead(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, nil)
	var log strings.Builder
	o := options(t, q)
	o.Egress, o.Log = Egress{}, zerolog.New(zerolog.SyncWriter(&log))
	_, stop := start(t, o)
	publish(t, q, event(strings.Replace(app.URL, "127.0.0.1", "localhost", 1)+"/?token=hush", "o1", 1))
	await.That(t, "a dead letter", func() bool { return msgs(t, q, "DLQ") == 1 })
	empty(t, q)
	stop()
	if len(app.requests()) != 0 {
		t.Error("a private address was called")
	}
	if !strings.Contains(log.String(), "address refused") || strings.Contains(log.String(), "hush") {
		t.Errorf("log: %s", log.String())
	}
}

func TestAppWithoutSecretIsDeadLettered(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, nil)
	o := options(t, q)
	o.Log = zerolog.Nop()
	start(t, o)
	e := event(app.URL, "o1", 1)
	e.App = "stranger"
	publish(t, q, e)
	await.That(t, "a dead letter", func() bool { return msgs(t, q, "DLQ") == 1 })
	if dead := deadLetters(t, q)[0]; dead.Reason != reasonNoSecret {
		t.Errorf("reason %q", dead.Reason)
	}
	empty(t, q)
}

// TestAppThatAnotherDaemonMayKnowIsWaitedFor: configurations are changed daemon by daemon. One that does not know
// an application yet gives none of its callbacks up.
func TestAppThatAnotherDaemonMayKnowIsWaitedFor(t *testing.T) {
	url := queuetest.External(t)
	q := queuetest.Open(t, queuetest.URL(url))
	other := queuetest.Open(t, queuetest.URL(url))
	await.That(t, "the daemons know each other", func() bool {
		_, others := q.Daemons()
		return len(others) == 1
	})
	app := receiver(t, nil)
	o := options(t, q)
	o.Log = zerolog.Nop()
	var asked, known atomic.Bool
	o.Secrets = func(string) []string {
		if known.Load() {
			return []string{secret}
		}
		asked.Store(true)
		return nil
	}
	o.Schedule = []time.Duration{0, 50 * time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond}
	start(t, o)
	publish(t, other, event(app.URL, "o1", 1))
	await.That(t, "its secret is asked for", asked.Load)
	known.Store(true)
	empty(t, q)
	if n, dead := len(app.requests()), msgs(t, q, "DLQ"); n != 1 || dead != 0 {
		t.Errorf("%d requests, %d dead letters", n, dead)
	}
}

// TestBodyThatDoesNotOpenWaits: a body that cannot be had as it is to be sent is sent in no other form.
func TestBodyThatDoesNotOpenWaits(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, nil)
	o := options(t, q)
	o.Log = zerolog.Nop()
	var tries atomic.Int32
	o.Reveal = func(_ otp.EventKind, body []byte) ([]byte, error) {
		if tries.Add(1) < 3 {
			return nil, seal.ErrKey
		}
		return body, nil
	}
	start(t, o)
	publish(t, q, event(app.URL, "o1", 1))
	empty(t, q)
	if n, dead := len(app.requests()), msgs(t, q, "DLQ"); n != 1 || dead != 0 || tries.Load() != 3 {
		t.Errorf("%d tries, %d requests, %d dead letters", tries.Load(), n, dead)
	}
}

func TestRestartInTheMiddleOfRetrying(t *testing.T) {
	q := queuetest.Open(t)
	var up atomic.Bool
	app := receiver(t, func(request) int {
		if up.Load() {
			return 200
		}
		return 502
	})
	o := options(t, q)
	o.Log = zerolog.Nop()
	o.Schedule = []time.Duration{0, 20 * time.Millisecond, 300 * time.Millisecond, 20 * time.Millisecond}
	_, stop := start(t, o)
	publish(t, q, event(app.URL, "o1", 1), event(app.URL, "o1", 2))
	await.That(t, "two tries", func() bool { return len(app.requests()) == 2 })
	stop()
	up.Store(true)
	start(t, o)
	empty(t, q)
	list := app.requests()
	if len(list) < 3 || list[2].id != list[0].id || list[2].body != list[0].body {
		t.Errorf("requests %+v", list)
	}
	inOrder(t, app.items())
	if got := app.items(); got[len(got)-1].N != 2 {
		t.Errorf("the second change did not come: %+v", got)
	}
}

func TestShutdownWaitsForPostsAndGivesBackTheRest(t *testing.T) {
	q := queuetest.Open(t)
	release := make(chan struct{})
	app := receiver(t, func(request) int { <-release; return 200 })
	_, stop := start(t, options(t, q))
	publish(t, q, event(app.URL, "o1", 1))
	await.That(t, "a request under way", func() bool { return len(app.requests()) == 1 })
	publish(t, q, event(app.URL, "o2", 1))
	ended := make(chan struct{})
	go func() { stop(); close(ended) }()
	select {
	case <-ended:
		t.Error("it ended before the request under way")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	<-ended
	if n := msgs(t, q, "events"); n != 1 {
		t.Errorf("%d events are left, want the one that was not sent", n)
	}
	start(t, options(t, q))
	empty(t, q)
	if got := app.items(); len(got) != 2 {
		t.Errorf("items %+v, want each once", got)
	}
}

func TestShutdownIsBounded(t *testing.T) {
	q := queuetest.Open(t)
	hang := make(chan struct{})
	app := receiver(t, func(request) int { <-hang; return 200 })
	defer close(hang)
	o := options(t, q)
	o.Grace, o.Timeout = 100*time.Millisecond, time.Minute
	_, stop := start(t, o)
	publish(t, q, event(app.URL, "o1", 1))
	await.That(t, "a request under way", func() bool { return len(app.requests()) == 1 })
	begun := time.Now()
	stop()
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := msgs(t, q, "events"); n != 1 {
		t.Errorf("%d events are left, want 1", n)
	}
	if n := msgs(t, q, "DLQ"); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestHoldWithoutItsBatchCountsForNothing(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, nil)
	if _, err := q.Holds().Put(context.Background(), "o1", []byte("msg_gone"), 0); err != nil {
		t.Fatal(err)
	}
	start(t, options(t, q))
	publish(t, q, event(app.URL, "o1", 2))
	empty(t, q)
	if got := app.items(); len(got) != 1 {
		t.Errorf("items %+v, want one", got)
	}
}

func TestBatchCoding(t *testing.T) {
	e := event("http://a/?b=<c>&d", "o1", 1)
	e.Item = []byte(`{"x":"<&>\n"}`)
	first := job{d: &queue.Delivery{}, event: e}
	b := newBatch(newID(), &first.event, first.d.Stored)
	b.add([]job{first})
	b.add([]job{{event: event("http://a/?b=<c>&d", "o1", 2)}, {event: event("http://a/?b=<c>&d", "o2", 1)}})
	b.After = []string{"msg_x"}
	got, err := decode(b.encode())
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"event":"otp_update","data":[{"x":"<&>\n"},{"otpId":"o1","n":2},{"otpId":"o2","n":1}]}`
	if string(got.body) != body || got.ID != b.ID || got.URL != b.URL || got.Items != 3 || got.Kind != otp.OtpChange || len(got.After) != 1 ||
		len(got.Held) != 2 || got.Held[0].N != 2 {
		t.Errorf("got %+v with the body %s", got, got.body)
	}
	for _, bad := range []string{"", "{}", "{}\n{}", "x\ny"} {
		if _, err := decode([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
