package callback

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

func TestDelivers(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, nil)
	start(t, options(t, q))
	publish(t, q, event(app.URL+"/cb?x=1", "o1", 1))
	empty(t, q)
	got := app.requests()
	if len(got) != 1 || got[0].body != `{"event":"otp_update","data":[{"otpId":"o1","n":1}]}` || !strings.HasPrefix(got[0].id, "msg_") {
		t.Errorf("got %+v", got)
	}
}

func TestBatches(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, nil)
	const n = 900
	for i := range n {
		e := event(app.URL, fmt.Sprint("o", i), 1)
		if i%3 == 0 {
			e.Kind = otp.DlrChange
		}
		publish(t, q, e)
	}
	start(t, options(t, q))
	empty(t, q)
	seen, most := make(map[string]bool), 0
	for _, r := range app.requests() {
		most = max(most, len(r.Data))
		for _, i := range r.Data {
			var k int
			if _, err := fmt.Sscanf(i.OtpID, "o%d", &k); err != nil || (k%3 == 0) != (r.Event == "dlr_update") {
				t.Errorf("%s in a request of %s", i.OtpID, r.Event)
			}
			if seen[i.OtpID] {
				t.Errorf("%s came twice", i.OtpID)
			}
			seen[i.OtpID] = true
		}
	}
	if len(seen) != n {
		t.Errorf("%d items came, want %d", len(seen), n)
	}
	if most > 200 || most < 20 {
		t.Errorf("the largest request has %d items, want some, and 200 at most", most)
	}
}

func TestChoose(t *testing.T) {
	mk := func(otpID string, n int, kind otp.EventKind, size int) job {
		return job{event: otp.Event{OtpID: otpID, N: n, Kind: kind, App: "p", Item: json.RawMessage(strings.Repeat("x", size))}}
	}
	many := make([]job, 500)
	for i := range many {
		many[i] = mk(fmt.Sprint(i), 1, "a", 10)
	}
	for _, c := range []struct {
		name string
		in   []job
		want int
	}{
		{"one kind", []job{mk("1", 1, "a", 1), mk("1", 2, "a", 1), mk("2", 1, "a", 1)}, 3},
		{"another kind stays", []job{mk("1", 1, "a", 1), mk("2", 1, "b", 1), mk("3", 1, "a", 1)}, 2},
		{"not past an earlier one of its OTP", []job{mk("1", 1, "a", 1), mk("2", 1, "b", 1), mk("2", 2, "a", 1)}, 1},
		{"200 at most", many, 200},
		{"bounded in octets", []job{mk("1", 1, "a", maxBody), mk("2", 1, "a", 1)}, 1},
		{"larger than the bound goes alone", []job{mk("1", 1, "a", 2*maxBody), mk("2", 1, "a", 1)}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			taken, rest, _ := choose(c.in, func(job) bool { return false }, func(string) bool { return false })
			if len(taken) != c.want || len(taken)+len(rest) != len(c.in) {
				t.Errorf("took %d, left %d of %d; want %d", len(taken), len(rest), len(c.in), c.want)
			}
		})
	}
}

func TestRetryKeepsIDAndBody(t *testing.T) {
	q := queuetest.Open(t)
	var n atomic.Int32
	app := receiver(t, func(request) int {
		if n.Add(1) < 4 {
			return 500
		}
		return 204
	})
	start(t, options(t, q))
	publish(t, q, event(app.URL, "o1", 1))
	empty(t, q)
	got := app.requests()
	if len(got) != 4 {
		t.Fatalf("%d tries, want 4", len(got))
	}
	for i, r := range got[1:] {
		if r.id != got[0].id || r.body != got[0].body {
			t.Errorf("try %d: %s %s, want %s %s", i+2, r.id, r.body, got[0].id, got[0].body)
		}
		if wait := r.at.Sub(got[i].at); wait < quick[i+1]-10*time.Millisecond {
			t.Errorf("try %d came %v after the one before, want %v", i+2, wait, quick[i+1])
		}
	}
	if n := msgs(t, q, "DLQ"); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestSlowURLDelaysNoOther(t *testing.T) {
	q := queuetest.Open(t)
	hang := make(chan struct{})
	slow := receiver(t, func(request) int { <-hang; return 200 })
	fast := receiver(t, nil)
	start(t, options(t, q))
	const n = 300
	for i := range n {
		publish(t, q, event(slow.URL, fmt.Sprint("s", i), 1))
	}
	await.That(t, "the slow one hangs", func() bool { return len(slow.requests()) > 0 })
	for i := range 20 {
		at := time.Now()
		publish(t, q, event(fast.URL, fmt.Sprint("f", i), 1))
		await.That(t, "the fast one has it", func() bool { return len(fast.items()) == i+1 })
		if took := time.Since(at); took > 500*time.Millisecond {
			t.Errorf("item %d took %v", i, took)
		}
	}
	close(hang)
	empty(t, q)
	if got := len(slow.items()); got != n {
		t.Errorf("the slow one got %d of %d", got, n)
	}
}

func TestUnreadableEventIsDeadLettered(t *testing.T) {
	q := queuetest.Open(t)
	start(t, options(t, q))
	publish(t, q, otp.Event{OtpID: "o1"})
	empty(t, q)
	if n := msgs(t, q, "DLQ"); n != 1 {
		t.Errorf("%d dead letters, want 1", n)
	}
}

func TestDeepQueueOfOneURLKeepsOrder(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, nil)
	for n := 1; n <= 3; n++ {
		for i := range 400 { // more than a lane takes
			publish(t, q, event(app.URL, fmt.Sprint("o", i), n))
		}
	}
	start(t, options(t, q))
	empty(t, q)
	list := app.items()
	inOrder(t, list)
	if len(list) != 1200 {
		t.Errorf("%d items came, want 1200", len(list))
	}
}
