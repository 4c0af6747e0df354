package otp

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

func (b *bench) once(key, body string) (Otp, bool, error) {
	n, err := b.ParseNewOtp([]byte(body), b.app)
	if err != nil {
		return Otp{}, false, err
	}
	return b.CreateOnce(context.Background(), b.app, key, []byte(body), n)
}

// twin is another daemon on the same store.
func (b *bench) twin() *bench {
	return &bench{app: b.app, clock: b.clock, Service: &Service{Queue: b.Queue, Box: b.Box, Measure: b.Measure, Now: b.Now, Route: b.Route, Log: b.Log}}
}

func TestOnce(t *testing.T) {
	b := newBench(t)
	first, replayed, err := b.once("k", french)
	if err != nil || replayed {
		t.Fatal(replayed, err)
	}
	_ = b.verify(first.OtpID, b.pin(t, first.OtpID))
	again, replayed, err := b.twin().once("k", french)
	one, _ := json.Marshal(first)
	two, _ := json.Marshal(again)
	if err != nil || !replayed || string(one) != string(two) {
		t.Errorf("%s\n%s %v %v", one, two, replayed, err)
	}
	_, _, err = b.once("k", french+" ")
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeDuplicateID || !e.Reset.IsZero() {
		t.Errorf("another body: %v", err)
	}
	other := *b.app
	other.Name = "other"
	n, _ := b.ParseNewOtp([]byte(french), &other)
	o, replayed, err := b.CreateOnce(context.Background(), &other, "k", []byte(french), n)
	if err != nil || replayed || o.OtpID == first.OtpID {
		t.Errorf("another application: %v %v", replayed, err)
	}
	entry, err := b.Queue.Answers().Get(context.Background(), b.Box.Name("once:demo", "k"))
	if err != nil || strings.Contains(string(entry.Value), "612345678") || strings.Contains(string(entry.Value), first.From) {
		t.Errorf("%s, %v", entry.Value, err)
	}
}

// TestOnceAtOnce: the same request many times at once on two daemons makes one OTP and one message, and all
// get the same answer.
func TestOnceAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	daemons := []*bench{b, b.twin()}
	var mu sync.Mutex
	ids, fresh := make(map[string]bool), 0
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			o, replayed, err := daemons[i%2].once("k", french)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[o.OtpID] = true
			if !replayed {
				fresh++
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 || fresh != 1 || b.stored(t, "otp") != 1 {
		t.Errorf("%d OTPs, %d made", len(ids), fresh)
	}
	if m, _ := b.message(t); !ids[m.Ref] || b.stored(t, "sms.default") > 0 {
		t.Errorf("%d messages left", b.stored(t, "sms.default"))
	}
}

// TestOnceFailed: a request that was refused may be made again.
func TestOnceFailed(t *testing.T) {
	b := newBench(t)
	b.app.SendLimits = limit.Limits{{Max: 1, Per: time.Minute}}
	b.create(t, french)
	for range 2 {
		_, _, err := b.once("k", french)
		wantCode(t, "refused", err, CodeRateLimit)
	}
	b.clock.advance(2 * time.Minute)
	if _, replayed, err := b.once("k", french); err != nil || replayed {
		t.Errorf("%v %v", replayed, err)
	}
}

// TestOnceUnderWay: who waits too long for the first is told to come again.
func TestOnceUnderWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := b.twin()
	slow.Measure = func(route, text string) (int, string) {
		close(entered)
		<-leave
		return measure(route, text)
	}
	done := make(chan error)
	go func() {
		_, _, err := slow.once("k", french)
		done <- err
	}()
	<-entered
	_, _, err := b.once("k", french)
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeDuplicateID || e.Reset.IsZero() {
		t.Errorf("%+v", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, replayed, err := b.once("k", french); err != nil || !replayed {
		t.Errorf("%v %v", replayed, err)
	}
}

// TestOnceTakenOver: a daemon that dies on a request leaves what the next one finishes: the same OTP where
// its record was stored, with its message stored once, else another.
func TestOnceTakenOver(t *testing.T) {
	b := newBench(t)
	die := func(key string, after bool) string {
		name := b.Box.Name("once:demo", key)
		first := firstRequest{Body: b.Box.Name("body:demo", french), OtpID: "bf325375-e030-4ccb-a009-17317c57477" + key, Since: b.now()}
		if _, err := b.keepFirst(context.Background(), name, first, 0); err != nil {
			t.Fatal(err)
		}
		if after {
			n, _ := b.ParseNewOtp([]byte(french), b.app)
			if _, err := b.Service.create(context.Background(), b.app, n, first.OtpID); err != nil {
				t.Fatal(err)
			}
		}
		return first.OtpID
	}
	early, late := die("1", false), die("2", true)
	b.clock.advance(answerLease + time.Second)
	o, replayed, err := b.once("1", french)
	if err != nil || replayed || o.OtpID != early {
		t.Errorf("died before the record: %v %v %s", replayed, err, o.OtpID)
	}
	o, replayed, err = b.once("2", french)
	if err != nil || !replayed || o.OtpID != late {
		t.Errorf("died after the record: %v %v %s", replayed, err, o.OtpID)
	}
	refs := make(map[string]int)
	for range 2 {
		m, _ := b.message(t)
		refs[m.Ref]++
	}
	if refs[late] != 1 || b.stored(t, "sms.default") > 0 {
		t.Errorf("%v, %d left", refs, b.stored(t, "sms.default"))
	}
}

// TestOnceSkewedClocks: a daemon whose clock is 16 s ahead takes the first request for dead although it is
// only slow. Both answer with one OTP, and one message is sent.
func TestOnceSkewedClocks(t *testing.T) {
	t.Parallel()
	a := newBench(t)
	b := newBenchOn(t, a.Queue)
	b.Box = a.Box
	b.clock.advance(16 * time.Second)
	ctx := context.Background()
	body := []byte(`{"phoneNumber":"+33612345678"}`)
	n, err := a.ParseNewOtp(body, a.app)
	if err != nil {
		t.Fatal(err)
	}
	inside, goOn := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(inside) })
	a.Measure = func(route, text string) (int, string) { once(); <-goOn; return measure(route, text) }
	first := make(chan Otp, 1)
	go func() {
		o, _, err := a.CreateOnce(ctx, a.app, "key", body, n)
		if err != nil {
			t.Error(err)
		}
		first <- o
	}()
	<-inside
	second, _, err := b.CreateOnce(ctx, b.app, "key", body, n)
	if err != nil {
		t.Error(err)
	}
	close(goOn)
	if o := <-first; o.OtpID != second.OtpID || o.OtpID == "" {
		t.Errorf("one key made %s and %s", o.OtpID, second.OtpID)
	}
	again, replayed, err := a.CreateOnce(ctx, a.app, "key", body, n)
	if err != nil || !replayed || again.OtpID != second.OtpID {
		t.Errorf("later: %s %v %v", again.OtpID, replayed, err)
	}
	if n := a.stored(t, "sms.default"); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// TestOnceGivenUp: the store stands still when a request is about to keep its key, and takes the write after
// the request has been refused. Made again under its key it is answered at once, by the daemon that gave up.
func TestOnceGivenUp(t *testing.T) {
	t.Parallel()
	server := queuetest.StartServer(t)
	b := newBench(t, queuetest.URL(server.URL), queuetest.Hasty())
	n, err := b.ParseNewOtp([]byte(french), b.app)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(server.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(server.Pid(), syscall.SIGCONT) }()
	_, _, err = b.CreateOnce(queue.Impatient(t.Context()), b.app, "k", []byte(french), n)
	wantCode(t, "while the store stands still", err, CodeUnavailable)
	if err := syscall.Kill(server.Pid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	var o Otp
	await.That(t, "the store answers", func() bool {
		o, _, err = b.once("k", french)
		if code := codeOf(err); code != 0 && code != CodeUnavailable {
			t.Fatalf("made again: %v", err)
		}
		return err == nil
	})
	if again, replayed, err := b.once("k", french); err != nil || !replayed || again.OtpID != o.OtpID {
		t.Errorf("once more: %v, %v", replayed, err)
	}
	if n := b.stored(t, "sms."+queuetest.Route); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// TestOnceAnswerNotKept: the OTP is made, and the store goes before the answer is kept. The request made
// again gets the same OTP, and at once.
func TestOnceAnswerNotKept(t *testing.T) {
	t.Parallel()
	server := queuetest.StartServer(t)
	b := newBench(t, queuetest.URL(server.URL), queuetest.Hasty())
	name := b.Box.Name("once:"+b.app.Name, "k")
	o := b.create(t, french)
	first := firstRequest{Body: b.Box.Name("body:"+b.app.Name, french), OtpID: o.OtpID, Since: b.now()}
	revision, err := b.beginFirst(t.Context(), b.app, name, first)
	if err != nil {
		t.Fatal(err)
	}
	server.Kill()
	b.keepAnswer(queue.Impatient(t.Context()), name, first, revision, o)
	server.Restart(t)
	await.That(t, "the store answers", func() bool {
		again, replayed, err := b.once("k", french)
		if code := codeOf(err); code != 0 && code != CodeUnavailable || err == nil && (!replayed || again.OtpID != o.OtpID) {
			t.Fatalf("made again: %+v, %v, %v", again, replayed, err)
		}
		return err == nil
	})
}
