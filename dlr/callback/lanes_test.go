package callback

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// publishMany stores events quickly: several at a time, those of an OTP in their order.
func publishMany(t testing.TB, q *queue.Queue, otps, changes int, event func(i, n int) otp.Event) {
	t.Helper()
	const writers = 64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; i < otps; i += writers {
				for n := 1; n <= changes; n++ {
					publish(t, q, event(i, n))
				}
			}
		})
	}
	wg.Wait()
}

// long is what a test does: more when the environment says so.
func long(name string, least int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return least
}

// TestOneURLTakesManyRequestsAtATime: a receiver that takes 200 ms, and keeps up in parallel, gets what there
// is at a rate that one request at a time (1,000 changes/s) does not reach, each OTP's changes in their
// order.
func TestOneURLTakesManyRequestsAtATime(t *testing.T) {
	q := queuetest.Open(t)
	var now, most atomic.Int32
	app := receiver(t, func(request) int {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		time.Sleep(200 * time.Millisecond) // what the receiver takes, not what the test waits for
		return 200
	})
	otps := long("OTPGW_CALLBACK_OTPS", 1500)
	publishMany(t, q, otps, 2, func(i, n int) otp.Event { return event(app.URL, fmt.Sprint("o", i), n) })
	begun := time.Now()
	start(t, options(t, q))
	empty(t, q)
	took := time.Since(begun)
	t.Logf("%d changes in %d requests, up to %d at a time: %.0f changes/s", 2*otps, len(app.requests()), most.Load(), float64(2*otps)/took.Seconds())
	if most.Load() < 4 {
		t.Errorf("at most %d requests at a time", most.Load())
	}
	if got := len(app.items()); got != 2*otps {
		t.Errorf("%d changes came, want %d", got, 2*otps)
	}
	inOrder(t, app.items())
}

// hanging is a receiver that answers nothing until it is released.
func hanging(t *testing.T) (url string, release func()) {
	t.Helper()
	gone := make(chan struct{})
	var once sync.Once
	release = func() { once.Do(func() { close(gone) }) }
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-gone:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { release(); s.Close() })
	return s.URL, release
}

// TestRecoveredURLGetsAllThatWaitsAtOnce: after one success, though the schedule has hours to go; in order,
// and each once.
func TestRecoveredURLGetsAllThatWaitsAtOnce(t *testing.T) {
	q := queuetest.Open(t)
	var up atomic.Bool
	accepted := make(chan []item, 1000)
	app := receiver(t, func(r request) int {
		if !up.Load() {
			return 500
		}
		accepted <- r.Data
		return 200
	})
	o := options(t, q)
	o.Log = quiet
	o.Schedule = []time.Duration{0, 50 * time.Millisecond, time.Hour, time.Hour}
	d, _ := start(t, o)
	publishMany(t, q, 100, 2, func(i, n int) otp.Event { return event(app.URL, fmt.Sprint("o", i), n) })
	await.That(t, "all wait for an hour", func() bool {
		d.lanes.mu.Lock()
		defer d.lanes.mu.Unlock()
		l := d.lanes.byTarget[target{"demo", app.URL}]
		return l != nil && len(l.items)+len(l.ready)+l.running == 0 && len(l.later) > 0
	})
	up.Store(true)
	publish(t, q, event(app.URL, "last", 1))
	empty(t, q)
	var list []item
	for len(accepted) > 0 {
		list = append(list, <-accepted...)
	}
	inOrder(t, list)
	if len(list) != 201 {
		t.Errorf("%d changes were accepted, want 201", len(list))
	}
}

// TestRequestThatFailsForItselfIsNotTriedWithEachSuccess: others succeed all the time, and its tries stay
// those of the schedule, and one more for each.
func TestRequestThatFailsForItselfIsNotTriedWithEachSuccess(t *testing.T) {
	q := queuetest.Open(t)
	var bad atomic.Int32
	app := receiver(t, func(r request) int {
		for _, i := range r.Data {
			if i.OtpID == "bad" {
				bad.Add(1)
				return 500
			}
		}
		return 200
	})
	o := options(t, q)
	o.Log = quiet
	o.Schedule = []time.Duration{0, 100 * time.Millisecond, time.Hour}
	start(t, o)
	publish(t, q, event(app.URL, "bad", 1))
	await.That(t, "it was tried", func() bool { return bad.Load() > 0 })
	for i := range 50 {
		publish(t, q, event(app.URL, fmt.Sprint("good", i), 1))
		await.That(t, "the good one came", func() bool { return len(app.items()) >= i+1+int(bad.Load()) })
	}
	if n := bad.Load(); n > 4 {
		t.Errorf("it was tried %d times, want 4 at most", n)
	}
}

// TestDeadHostsLeaveAGoodURLAlone: half of a hundred hosts hang, half refuse, and each URL is another; the
// good URL is told in time.
func TestDeadHostsLeaveAGoodURLAlone(t *testing.T) {
	q := queuetest.Open(t)
	hosts, urls := 20, long("OTPGW_CALLBACK_URLS", 400)
	var bases []string
	for i := range hosts {
		if i%2 == 0 {
			url, _ := hanging(t)
			bases = append(bases, url)
			continue
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0") // a port that refuses, for nobody else takes it so soon
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		bases = append(bases, "http://"+ln.Addr().String())
	}
	good := receiver(t, nil)
	o := options(t, q)
	o.Log, o.Schedule, o.Timeout, o.Lanes, o.Grace = quiet, DefaultSchedule, 2*time.Second, 64, time.Millisecond
	d, _ := start(t, o)
	publish(t, q, event(good.URL, "first", 1))
	await.That(t, "the good URL was told once", func() bool { return len(good.items()) == 1 })
	publishMany(t, q, urls, 1, func(i, n int) otp.Event {
		return event(fmt.Sprintf("%s/?o=%d", bases[i%hosts], i), fmt.Sprint("dead", i), n)
	})
	var worst time.Duration
	for i := range 100 {
		at := time.Now()
		publish(t, q, event(good.URL, fmt.Sprint("good", i), 1))
		await.That(t, "the good URL is told", func() bool { return len(good.items()) == i+2 })
		worst = max(worst, time.Since(at))
	}
	if worst > time.Second {
		t.Errorf("the good URL waited %v", worst)
	}
	await.That(t, "few requests are at dead hosts", func() bool { n, _, _ := d.lanes.size(); return n <= hosts })
}

// TestWaitingCallbacksCostNothing: a URL for each OTP, at a dead host.
func TestWaitingCallbacksCostNothing(t *testing.T) {
	q := queuetest.Open(t)
	o := options(t, q)
	o.Log, o.Schedule = quiet, DefaultSchedule
	d, _ := start(t, o)
	n := long("OTPGW_CALLBACK_WAITING", 3000)
	publishMany(t, q, n, 1, func(i, n int) otp.Event {
		return event(fmt.Sprintf("http://127.0.0.1:1/?o=%d", i), fmt.Sprint("o", i), n)
	})
	await.That(t, "all are stored requests", func() bool { _, items, batches := d.lanes.size(); return items == 0 && batches == n })
	const window = time.Second
	before := used(t)
	time.Sleep(window) // what is measured
	cpu := used(t) - before
	t.Logf("%d waiting callbacks use %v of CPU in %v", n, cpu, window)
	if cpu > window/4 {
		t.Errorf("%d waiting callbacks use %v of CPU in %v", n, cpu, window)
	}
}

func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestEachChangeIsUnderOneWebhookID: dispatchers are cut off in the middle of their requests, again and
// again, and what they had comes under the same id, with the same body; no change under a second one.
func TestEachChangeIsUnderOneWebhookID(t *testing.T) {
	q := queuetest.Open(t)
	var count atomic.Int32
	app := receiver(t, func(request) int {
		if count.Add(1)%3 != 0 {
			time.Sleep(30 * time.Millisecond) // long enough to be cut off
		}
		return 200
	})
	o := options(t, q)
	o.Log, o.Grace = quiet, time.Millisecond
	const otps, changes = 300, 3
	var publishing sync.WaitGroup
	publishing.Go(func() {
		publishMany(t, q, otps, changes, func(i, n int) otp.Event { return event(app.URL, fmt.Sprint("o", i), n) })
	})
	for range 15 {
		_, stop := start(t, o)
		seen := count.Load()
		await.Within(200*time.Millisecond, func() bool { return count.Load() >= seen+2 }) // or there is nothing more
		stop()
	}
	publishing.Wait()
	start(t, o)
	empty(t, q)
	wholeAndOnce(t, app, otps*changes)
}

// TestRetriesGoOnByTheStoresClock: a batch that a dispatcher finds is tried by its age, and a daemon whose
// clock is wrong by an hour neither gives up nor skips a try.
func TestRetriesGoOnByTheStoresClock(t *testing.T) {
	q := queuetest.Open(t)
	o := options(t, q)
	o.Now = func() time.Time { return time.Now().Add(-100 * time.Hour) }
	o.Schedule = DefaultSchedule
	d := New(o)
	defer d.cut()
	for age, want := range map[time.Duration]struct {
		tries int
		wait  time.Duration
	}{
		0:                 {0, 0},
		4 * time.Second:   {0, 0},
		10 * time.Second:  {2, 4*time.Minute + 55*time.Second},
		6 * time.Minute:   {3, 29*time.Minute + 5*time.Second},
		80 * time.Hour:    {9, 0},
		10000 * time.Hour: {9, 0},
	} {
		s := d.place(&batch{}, q.Now().Add(-age))
		if wait := time.Until(s.then); s.early && s.tries != want.tries || wait > want.wait+time.Second || want.wait > 0 && wait < want.wait-time.Second {
			t.Errorf("age %v: %d tries and then %v, want %d and %v", age, s.tries, wait, want.tries, want.wait)
		}
	}
}

// TestStopIsQuickWithManyWaiting: what waits is given back, nothing is lost.
func TestStopIsQuickWithManyWaiting(t *testing.T) {
	q := queuetest.Open(t)
	o := options(t, q)
	o.Log, o.Schedule = quiet, DefaultSchedule
	d, stop := start(t, o)
	const n = 1000
	publishMany(t, q, n, 1, func(i, n int) otp.Event {
		return event(fmt.Sprintf("http://127.0.0.1:1/?o=%d", i), fmt.Sprint("o", i), n)
	})
	await.That(t, "all are stored requests", func() bool { _, items, batches := d.lanes.size(); return items == 0 && batches == n })
	begun := time.Now()
	stop()
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("the end took %v", took)
	}
	if got := msgs(t, q, "events"); got != n {
		t.Errorf("%d messages are stored, want %d", got, n)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, err := q.Events().Pull(ctx, queue.PullOptions{Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	for range n {
		if m, err := p.Next(ctx); err != nil || !strings.HasPrefix(m.Subject, batchPrefix) {
			t.Fatalf("not given back: %v", err)
		}
	}
}
