package callback

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// mixed is the nth of three changes of an OTP, of two kinds.
func mixed(url string, i, n int) otp.Event {
	e := event(url, fmt.Sprint("o", i), n)
	if n < 3 {
		e.Kind = otp.DlrChange
	}
	return e
}

// TestDeadURLKeepsOneMessageForTwoHundredChanges: of two kinds, three of each OTP, however they come and
// however the URL is dead; and all of them arrive, once, in order and under one id when it comes back.
// OTPGW_CALLBACK_DEAD says how many changes there are in each case; `make full` has 20,000.
func TestDeadURLKeepsOneMessageForTwoHundredChanges(t *testing.T) {
	slowly := func(t *testing.T, q *queue.Queue, otps int, event func(i, n int) otp.Event) {
		for from := 0; from < otps; from += 10 {
			publishMany(t, q, min(10, otps-from), 3, func(i, n int) otp.Event { return event(from+i, n) })
			time.Sleep(40 * time.Millisecond) // the pace of the load
		}
	}
	atOnce := func(t *testing.T, q *queue.Queue, otps int, event func(i, n int) otp.Event) {
		publishMany(t, q, otps, 3, event)
	}
	byChange := func(t *testing.T, q *queue.Queue, otps int, event func(i, n int) otp.Event) {
		for n := 1; n <= 3; n++ {
			publishMany(t, q, otps, 1, func(i, _ int) otp.Event { return event(i, n) })
			time.Sleep(300 * time.Millisecond) // the pace of the load
		}
	}
	schedule := append([]time.Duration{0, time.Second}, slices.Repeat([]time.Duration{2 * time.Second}, 100)...)
	some := long("OTPGW_CALLBACK_DEAD", 1500) / 3
	for name, c := range map[string]struct {
		otps    int
		daemons int
		hangs   bool
		restart bool
		load    func(*testing.T, *queue.Queue, int, func(i, n int) otp.Event)
	}{
		"refuses, as they come":             {some, 0, false, false, slowly},
		"hangs, as they come":               {some, 0, true, false, slowly},
		"refuses, all at once":              {some, 0, false, false, atOnce},
		"refuses, one kind after the other": {some, 0, false, false, byChange},
		"refuses, two daemons":              {some, 2, false, false, slowly},
		"hangs, two daemons":                {some, 2, true, false, slowly},
		"refuses, started anew":             {some, 0, false, true, slowly},
		"hangs, two daemons started anew":   {some, 2, true, true, atOnce},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var up atomic.Bool
			app := receiver(t, func(request) int {
				if up.Load() {
					return http.StatusOK
				}
				return http.StatusBadGateway
			})
			down := make(chan struct{})
			if c.hangs {
				app.answer = func(request) int {
					if <-down; up.Load() {
						return http.StatusOK
					}
					return http.StatusBadGateway
				}
			}
			queues := []*queue.Queue{}
			if c.daemons == 0 {
				queues = append(queues, queuetest.Open(t))
			} else {
				url := queuetest.External(t)
				for range c.daemons {
					queues = append(queues, queuetest.Open(t, queuetest.URL(url)))
				}
			}
			var stops []func()
			run := func() {
				stops = nil
				for _, q := range queues {
					o := options(t, q)
					o.Log, o.Schedule, o.Timeout, o.Grace = quiet, schedule, time.Second, time.Millisecond
					_, stop := start(t, o)
					stops = append(stops, stop)
				}
			}
			run()
			c.load(t, queues[0], c.otps, func(i, n int) otp.Event { return mixed(app.URL, i, n) })
			changes := 3 * c.otps
			most := (changes + maxItems - 1) / maxItems
			await.That(t, fmt.Sprintf("%d changes are at most %d messages", changes, most), func() bool { return msgs(t, queues[0], "events") <= most })
			t.Logf("%d changes are %d messages, after %d requests", changes, msgs(t, queues[0], "events"), len(app.requests()))
			if c.restart {
				for _, stop := range stops {
					stop()
				}
				run()
			}
			up.Store(true)
			close(down)
			for _, q := range queues {
				empty(t, q)
			}
			wholeAndOnce(t, app, changes)
			await.That(t, "no note is left of where a batch is", func() bool { return entries(t, queues[0].Within()) == 0 })
		})
	}
}

func entries(t *testing.T, b *queue.Bucket) (n int) {
	t.Helper()
	if err := b.Each(t.Context(), func(string, []byte) bool { n++; return true }); err != nil {
		t.Fatal(err)
	}
	return n
}
