package api

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/queuetest/standstill"
)

// TestAdmissionShares: one application never has all slots, and the lines of several are served in turn.
func TestAdmissionShares(t *testing.T) {
	a := newAdmission(4, 2)
	flood, good := new(otp.App), new(otp.App)
	var leaves []func()
	for range 3 {
		leave, err := a.enter(t.Context(), flood)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
	}
	type entry struct {
		app   *otp.App
		leave func()
	}
	order := make(chan entry, 10)
	var wg sync.WaitGroup
	line := func(app *otp.App, waiting int) {
		wg.Go(func() {
			leave, err := a.enter(t.Context(), app)
			if err != nil {
				t.Error(err)
				return
			}
			order <- entry{app, leave}
		})
		await.That(t, "the line is as long as it should be", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return a.lines[app].waiting.Len() == waiting })
	}
	for i := range 3 {
		line(flood, i+1)
	}
	leave, err := a.enter(t.Context(), good) // at once: a quarter of the slots is not the flood's
	if err != nil {
		t.Fatal(err)
	}
	line(good, 1)
	a.mu.Lock()
	if a.busy != 4 || a.lines[flood].busy != 3 {
		t.Errorf("%d in work, %d of the flood", a.busy, a.lines[flood].busy)
	}
	a.mu.Unlock()
	var got []*otp.App
	working := leaves[:2:2]
	for len(got) < 4 { // one after the other, so that there is an order
		working[0]()
		next := <-order
		got, working = append(got, next.app), append(working[1:], next.leave)
	}
	wg.Wait()
	for _, leave := range working {
		leave()
	}
	if i := slices.Index(got, good); i > 2 {
		t.Errorf("the good one came as number %d of 4", i+1)
	}
	leave()
	leaves[2]()
	leaves[2]() // once counts
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy != 0 || a.turns.Len() != 0 {
		t.Errorf("%d in work, %d lines at the end", a.busy, a.turns.Len())
	}
}

// TestAdmissionGivesUp: who hung up is never begun, who waited too long is refused, and the line has an end.
func TestAdmissionGivesUp(t *testing.T) {
	a := newAdmission(1, 1)
	app := new(otp.App)
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	if _, err := a.enter(gone, app); err != error(errGone) || a.busy > 0 {
		t.Errorf("where it could begin at once: %v, %d in work", err, a.busy)
	}
	leave, err := a.enter(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.enter(gone, app); err != error(errGone) {
		t.Errorf("before it waits: %v", err)
	}
	gone, hangUp = context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := a.enter(gone, app); done <- err }()
	await.That(t, "the line is as long as it should be", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return a.lines[app].waiting.Len() == 1 })
	hangUp()
	if err := <-done; err != error(errGone) {
		t.Errorf("while it waits: %v", err)
	}
	a.wait = time.Millisecond
	if _, err := a.enter(t.Context(), app); err != error(errBusy) {
		t.Errorf("too long: %v", err)
	}
	a.wait = time.Minute
	rest, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range maxWaiting {
		wg.Go(func() { _, _ = a.enter(rest, app) })
	}
	await.That(t, "the line is as long as it should be", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return a.lines[app].waiting.Len() == maxWaiting })
	if _, err := a.enter(t.Context(), app); err != error(errBusy) {
		t.Errorf("a full line: %v", err)
	}
	stop()
	wg.Wait()
	leave()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy != 0 || a.lines[app].waiting.Len() != 0 || a.turns.Len() != 0 {
		t.Errorf("%d in work, %d waiting", a.busy, a.lines[app].waiting.Len())
	}
	if a.gone < 2 || a.refused != 2 {
		t.Errorf("%d gone, %d refused", a.gone, a.refused)
	}
}

// TestFloodThatHangsUp: callers that post with a valid key and hang up at once, again and again, of the good
// caller's own application and of another: the good one is answered, in time, and what is in work stays
// bounded.
func TestFloodThatHangsUp(t *testing.T) {
	stood := standstill.Watch(t)
	g := newGateway(t)
	address := strings.TrimPrefix(g.url, "http://")
	stop := make(chan struct{})
	var sent atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 {
		key := []string{demoKey, fourthKey}[i%2]
		request := []byte("POST /otp HTTP/1.1\r\nHost: a\r\nX-API-KEY: " + key + "\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n" + french)
		if !bytes.HasSuffix(request, []byte("\r\n\r\n"+french)) || len(french) != 30 {
			t.Fatal("the request is not whole")
		}
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := net.Dial("tcp", address)
				if err != nil {
					continue
				}
				_, _ = c.Write(request)
				c.Close()
				sent.Add(1)
			}
		})
	}
	var took []time.Duration
	made, refused := 0, 0
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for began := time.Now(); time.Since(began) < 2*time.Second || made < 3 && time.Since(began) < time.Minute; {
		req, _ := http.NewRequest("POST", g.url+"/otp", strings.NewReader(french))
		req.Header.Set("X-API-KEY", demoKey)
		begun := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		switch resp.StatusCode {
		case 201:
			made++
		case 503: // where the machine stood still for as long as anybody waits
			refused++
		default:
			t.Errorf("%d", resp.StatusCode)
		}
		took = append(took, time.Since(begun))
	}
	close(stop)
	wg.Wait()
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	t.Logf("%d requests of the flood; the good caller: %d made, %d refused, p50 %v, p99 %v; the machine stood still for %v",
		sent.Load(), made, refused, took[len(took)/2], p99, stood())
	if made < 3 || p99 > 10*time.Second { // 50 ms where the machine has nothing else to do
		t.Errorf("%d made, p99 %v", made, p99)
	}
	if refused > 0 && stood() < maxWait/2 {
		t.Errorf("%d refused, and the machine never stood still for longer than %v", refused, stood())
	}
}
