package otp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

func TestVerify(t *testing.T) {
	b := newBench(t)
	o := b.create(t, `{"phoneNumber":"+33612345678","maxAttempts":3}`)
	pin := b.pin(t, o.OtpID)
	wantCode(t, "first", b.verify(o.OtpID, wrong(pin)), CodeWrongPIN)
	wantCode(t, "second", b.verify(o.OtpID, wrong(pin)), CodeWrongPIN)
	if r := b.record(t, o.OtpID); r.Failed != 2 || r.Reserved != 2 {
		t.Errorf("failed %d, reserved %d", r.Failed, r.Reserved)
	}
	wantCode(t, "right", b.verify(o.OtpID, pin), 0)
	if r := b.record(t, o.OtpID); r.Failed != 2 || r.Reserved != 2 || r.Status != StatusVerified {
		t.Errorf("failed %d, reserved %d, %s", r.Failed, r.Reserved, r.Status)
	}
	wantCode(t, "again", b.verify(o.OtpID, pin), CodeVerified)
	wantCode(t, "wrong after", b.verify(o.OtpID, wrong(pin)), CodeVerified)
	wantCode(t, "cancel after", b.Cancel(context.Background(), b.app, o.OtpID), CodeCancelNotPending)
	if n := b.Evaluated.Load(); n != 3 {
		t.Errorf("%d comparisons", n)
	}
	e := b.events(t, 1)[0]
	if got := e.otp(t); e.Kind != OtpChange || got.Status != StatusVerified || got.Attempts != 2 {
		t.Errorf("%+v %+v", e, got)
	}
}

func TestVerifyFails(t *testing.T) {
	b := newBench(t)
	o := b.create(t, `{"phoneNumber":"+33612345678","maxAttempts":2}`)
	pin := b.pin(t, o.OtpID)
	wantCode(t, "first", b.verify(o.OtpID, wrong(pin)), CodeWrongPIN)
	wantCode(t, "last", b.verify(o.OtpID, wrong(pin)), CodeLastAttempt)
	wantCode(t, "right, too late", b.verify(o.OtpID, pin), CodeFailed)
	e := b.events(t, 1)[0]
	if got := e.otp(t); got.Status != StatusFailed || got.Attempts != 2 || got.MaxAttempts != 2 {
		t.Errorf("%+v %+v", e, got)
	}
}

func TestCancel(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, french)
	wantCode(t, "cancel", b.Cancel(ctx, b.app, o.OtpID), 0)
	wantCode(t, "again", b.Cancel(ctx, b.app, o.OtpID), CodeCancelledAlready)
	wantCode(t, "verify", b.verify(o.OtpID, b.pin(t, o.OtpID)), CodeCancelled)
	if e := b.events(t, 1)[0]; e.otp(t).Status != StatusCancelled {
		t.Errorf("%+v", e)
	}
	o = b.create(t, french)
	b.clock.advance(6 * time.Minute)
	wantCode(t, "expired", b.Cancel(ctx, b.app, o.OtpID), CodeCancelNotPending)
}

func TestVerifyRunsOutMeanwhile(t *testing.T) {
	b := newBench(t)
	o := b.create(t, french)
	calls := 0
	b.Now = func() time.Time { // the time of the check of state, then a time past the end
		calls++
		if calls > 1 {
			return o.DateExpires
		}
		return o.DateExpires.Add(-time.Millisecond)
	}
	wantCode(t, "right", b.verify(o.OtpID, b.pin(t, o.OtpID)), CodeExpiredMeanwhile)
	if n := b.Evaluated.Load(); n != 0 {
		t.Errorf("%d comparisons of a dead PIN", n)
	}
	wantCode(t, "after", b.verify(o.OtpID, b.pin(t, o.OtpID)), CodeExpired)
}

// TestVerifyRunsOutWhileCompared: also between the comparison and the change.
func TestVerifyRunsOutWhileCompared(t *testing.T) {
	for _, right := range []bool{true, false} {
		b := newBench(t)
		o := b.create(t, french)
		pin := b.pin(t, o.OtpID)
		if !right {
			pin = wrong(pin)
		}
		calls := 0
		b.Now = func() time.Time {
			calls++
			if calls > 2 {
				return o.DateExpires
			}
			return o.DateExpires.Add(-time.Millisecond)
		}
		wantCode(t, "verify", b.verify(o.OtpID, pin), CodeExpiredMeanwhile)
	}
}

// guessAll sends the guesses at once, through as many services as given, and counts the codes.
func guessAll(t *testing.T, id string, guesses []string, services ...*bench) map[Code]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	codes := make(map[Code]int)
	start := make(chan struct{})
	for i, g := range guesses {
		b := services[i%len(services)]
		wg.Go(func() {
			<-start
			code := codeOf(b.Verify(ctx, b.app, id, pin.Guess{Text: g}))
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	close(start)
	wg.Wait()
	return codes
}

// TestThousandGuesses: however many guesses come at once, on many daemons, maxAttempts of them are looked at.
// Guesses that one service has at once go one after another, so there are many services.
func TestThousandGuesses(t *testing.T) {
	const n = 1000
	tests := []struct {
		name     string
		external bool // services on two stores with connections of their own, else all on one store
		right    func(i int) bool
	}{
		{"all wrong", false, func(int) bool { return false }},
		{"every third right", true, func(i int) bool { return i%3 == 0 }},
		{"all right", false, func(int) bool { return true }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var opts []queuetest.Option
			if test.external {
				opts = append(opts, queuetest.URL(queuetest.External(t)))
			}
			a := newBench(t, opts...)
			queues := []*queue.Queue{a.Queue, a.Queue}
			if test.external {
				queues[1] = queuetest.Open(t, opts...)
			}
			services := []*bench{a}
			for len(services) < 64 {
				b := newBenchOn(t, queues[len(services)%2])
				b.Box = a.Box
				services = append(services, b)
			}
			o := a.create(t, french)
			pin := a.pin(t, o.OtpID)
			guesses := make([]string, n)
			for i := range guesses {
				guesses[i] = wrong(pin)
				if test.right(i) {
					guesses[i] = pin
				}
			}
			codes := guessAll(t, o.OtpID, guesses, services...)
			var evaluated uint64
			for _, b := range services {
				evaluated += b.Evaluated.Load()
			}
			r := a.record(t, o.OtpID)
			t.Logf("%v, %d comparisons, %s", codes, evaluated, r.Status)
			if n := len(a.events(t, a.stored(t, "events"))); n != 1 {
				t.Errorf("%d events", n)
			}
			switch r.Status {
			case StatusFailed:
				if evaluated != 5 || codes[0] != 0 || codes[CodeLastAttempt] != 1 || codes[CodeWrongPIN] != 4 || codes[CodeFailed] != n-5 {
					t.Errorf("failed: %d comparisons, %v", evaluated, codes)
				}
				if test.right(0) && test.right(1) {
					t.Error("failed although all were right")
				}
			case StatusVerified:
				if evaluated > 5 || codes[0] != 1 || codes[0]+codes[CodeVerified]+codes[CodeWrongPIN] != n {
					t.Errorf("verified: %d comparisons, %v", evaluated, codes)
				}
			default:
				t.Errorf("status %s", r.Status)
			}
		})
	}
}

// TestGuessesAtOnceCostLittle: of guesses that a daemon has at once each attempt is two transactions, and all
// others none.
func TestGuessesAtOnceCostLittle(t *testing.T) {
	b := newBench(t, queuetest.URL(queuetest.External(t)))
	o := b.create(t, french)
	guesses := slices.Repeat([]string{wrong(b.pin(t, o.OtpID))}, 1000)
	before := b.octets(t, "LOG")
	if codes := guessAll(t, o.OtpID, guesses, b); codes[CodeWrongPIN] != 4 || codes[CodeLastAttempt] != 1 {
		t.Errorf("%v", codes)
	}
	const most = 2 * 5 * 700 // a transaction on its record has some 490 octets
	if n := b.octets(t, "LOG") - before; n > most {
		t.Errorf("1000 guesses, 5 attempts, wrote %d octets to the log, more than %d", n, most)
	}
	if n := len(b.guessing.ids); n != 0 {
		t.Errorf("%d OTPs have a line, and nobody is in it", n)
	}
}

// TestGuessInLineOutOfTime: a guess whose time is up leaves the line, and whoever is behind it has its turn.
func TestGuessInLineOutOfTime(t *testing.T) {
	var lines guessLines
	leave, err := lines.enter(t.Context(), "otp")
	if err != nil {
		t.Fatal(err)
	}
	other, err := lines.enter(t.Context(), "another otp")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lines.enter(ended, "otp"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	other()
	leave()
	if leave, err = lines.enter(t.Context(), "otp"); err != nil {
		t.Fatal(err)
	}
	leave()
	if n := len(lines.ids); n != 0 {
		t.Errorf("%d lines are left", n)
	}
}

// TestCrashCostsAnAttempt: a daemon that died between counting and comparing. The attempt is gone, the others
// stay, and when they are used up the OTP fails rather than hanging.
func TestCrashCostsAnAttempt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, `{"phoneNumber":"+33612345678","maxAttempts":2}`)
	pin := b.pin(t, o.OtpID)
	if _, _, err := b.reserve(ctx, b.app, o.OtpID, Verification{}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "one is left", b.verify(o.OtpID, wrong(pin)), CodeWrongPIN)
	wantCode(t, "none is left", b.verify(o.OtpID, pin), CodeFailed)
	wantCode(t, "the one that was taken for dead", b.settle(ctx, o.OtpID, false), CodeLastAttempt)
	if n := b.Evaluated.Load(); n != 1 {
		t.Errorf("%d comparisons", n)
	}
	if e := b.events(t, 1)[0]; e.otp(t).Status != StatusFailed {
		t.Errorf("%+v", e)
	}
}

// TestRightAmongReserved: the last reservation came out wrong while a right one is still under way.
func TestRightAmongReserved(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, `{"phoneNumber":"+33612345678","maxAttempts":2}`)
	pin := b.pin(t, o.OtpID)
	if _, _, err := b.reserve(ctx, b.app, o.OtpID, Verification{}); err != nil { // the right one, slow
		t.Fatal(err)
	}
	wantCode(t, "wrong", b.verify(o.OtpID, wrong(pin)), CodeWrongPIN)
	waiting := make(chan error, 1)
	go func() { waiting <- b.verify(o.OtpID, pin) }() // no attempt is left for it
	wantCode(t, "right", b.settle(ctx, o.OtpID, true), 0)
	wantCode(t, "waiting", <-waiting, CodeVerified)
}

// TestVerifyOutOfTime: while all attempts are under way a guess whose time is up gets 503.
func TestVerifyOutOfTime(t *testing.T) {
	b := newBench(t)
	o := b.create(t, `{"phoneNumber":"+33612345678","maxAttempts":1}`)
	if _, _, err := b.reserve(context.Background(), b.app, o.OtpID, Verification{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	wantCode(t, "verify", b.Verify(ctx, b.app, o.OtpID, pin.Guess{Text: "1"}), CodeUnavailable)
}
