package otp

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// crowded is a bench with bounds and two applications, its own and well, that are told nothing.
func crowded(t *testing.T, bounds queue.Bounds) (b *bench, well *App) {
	t.Helper()
	b, well = newBench(t, queuetest.WithBounds(bounds)), testApp()
	b.app.CallbackURL = ""
	well.Name, well.CallbackURL = "well", ""
	b.Apps = []App{*b.app, *well}
	return b, well
}

// TestOneApplicationFillsTheStoreForItselfOnly: an application makes OTPs until it is refused. Another still gets
// its own, and what is there can be verified. Where it is the only one it gets all the room.
func TestOneApplicationFillsTheStoreForItselfOnly(t *testing.T) {
	t.Parallel()
	const room = 100
	b, well := crowded(t, queue.Bounds{Records: queue.Bound{Msgs: room}})
	n := 0
	ask := func(app *App) (Otp, error) {
		t.Helper()
		n++
		asked, err := b.ParseNewOtp([]byte(fmt.Sprintf(`{"phoneNumber":"+3361234%04d"}`, n)), app)
		if err != nil {
			t.Fatal(err)
		}
		return b.Create(context.Background(), app, asked)
	}
	fill := func() (made int, last Otp, err error) {
		for {
			o, err := ask(b.app)
			if err != nil {
				return made, last, err
			}
			made, last = made+1, o
		}
	}
	made, last, err := fill()
	if !errors.Is(err, queue.ErrFull) || made < room/2 || made > room*9/10 {
		t.Fatalf("%d OTPs of one application, then %v", made, err)
	}
	for range (room - made) / 2 {
		if _, err := ask(well); err != nil {
			t.Fatalf("the other application, with %d of %d OTPs: %v", made, room, err)
		}
	}
	if err := b.verify(last.OtpID, b.pin(t, last.OtpID)); err != nil {
		t.Errorf("the right PIN of an application that has used up its share: %v", err)
	}
	b.Apps = b.Apps[:1]
	if more, _, err := fill(); !errors.Is(err, queue.ErrFull) || made+(room-made)/2+more != room {
		t.Errorf("alone it made %d more, then %v", more, err)
	}
	if had := b.crowd.of(b.app.Name, b.now()); had < made {
		t.Errorf("%d OTPs are known of, %d were made", had, made)
	}
	if had := b.crowd.of(b.app.Name, b.now().Add(DefaultRetention+MaxTTL+2*crowdSlot)); had != 0 {
		t.Errorf("%d OTPs are known of after all are forgotten", had)
	}
}

// TestOneApplicationsKeysLeaveTheOthersRoom: an application sends requests with an Idempotency-Key, each its own,
// until it is refused. Another's are taken, and its own that come again are answered.
func TestOneApplicationsKeysLeaveTheOthersRoom(t *testing.T) {
	t.Parallel()
	const room = 100
	b, well := crowded(t, queue.Bounds{Answers: queue.Bound{Msgs: room}})
	ask := func(app *App, n int) (replayed bool, err error) {
		t.Helper()
		body := []byte(fmt.Sprintf(`{"phoneNumber":"+3361234%04d"}`, n))
		asked, err := b.ParseNewOtp(body, app)
		if err != nil {
			t.Fatal(err)
		}
		_, replayed, err = b.CreateOnce(context.Background(), app, fmt.Sprint("key ", n), body, asked)
		return replayed, err
	}
	made := 0
	for ; made <= room; made++ {
		if _, err := ask(b.app, made); err != nil {
			wantCode(t, "over its share", err, CodeUnavailable)
			break
		}
	}
	if made < room/2 || made > room*9/10 {
		t.Fatalf("%d keys of one application", made)
	}
	for i := range (room - made) / 2 {
		if _, err := ask(well, 1000+i); err != nil {
			t.Fatalf("the other application, with %d of %d keys: %v", made, room, err)
		}
	}
	again := func(when string) {
		t.Helper()
		if replayed, err := ask(b.app, made-1); err != nil || !replayed {
			t.Errorf("%s: a request that comes again is answered as before %t, %v", when, replayed, err)
		}
	}
	again("over its share")
	b.Apps = b.Apps[:1]
	var err error
	for n := 2000; err == nil && n < 2000+room; n++ { // alone it has all the room
		_, err = ask(b.app, n)
	}
	wantCode(t, "no room", err, CodeUnavailable)
	again("no room")
}
