package callback

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// announce commits the transaction of a change with its event, and with more in it.
func announce(t *testing.T, d *Dispatcher, e otp.Event, more func(*queue.Tx)) (item bool, err error) {
	t.Helper()
	unsettled := func() (n int) {
		d.lanes.mu.Lock()
		defer d.lanes.mu.Unlock()
		for _, stored := range d.lanes.expected {
			if !stored {
				n++
			}
		}
		return n
	}
	tx, before := d.o.Queue.Begin(), unsettled()
	settled, err := d.Announce(tx, &e)
	if err != nil {
		t.Fatal(err)
	}
	if more != nil {
		more(tx)
	}
	item = unsettled() == before // once stored, an item may have become a batch already
	err = d.o.Queue.Commit(context.Background(), tx)
	settled(err == nil)
	return item, err
}

// A change whose URL answers, and has little under way, is a stored batch at once.
func TestChangeAtRestIsABatchAtOnce(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, nil)
	d, _ := start(t, options(t, q))
	if item, err := announce(t, d, event(app.URL, "first", 1), nil); !item || err != nil {
		t.Errorf("nothing is known of the URL: an item %t, %v", item, err)
	}
	empty(t, q)
	for n := range 5 {
		if item, err := announce(t, d, event(app.URL, fmt.Sprint("o", n), 1), nil); item || err != nil {
			t.Errorf("at rest: an item %t, %v", item, err)
		}
		empty(t, q)
	}
	tx := func(tx *queue.Tx) { tx.Create(q.Records(), "there", []byte("1"), 0) }
	if _, err := announce(t, d, event(app.URL, "with", 1), tx); err != nil {
		t.Fatal(err)
	}
	empty(t, q)
	// A change that comes to nothing leaves nothing behind.
	if _, err := announce(t, d, event(app.URL, "lost", 1), tx); !errors.Is(err, queue.ErrConflict) {
		t.Fatalf("%v", err)
	}
	if item, err := announce(t, d, event(app.URL, "next", 1), nil); item || err != nil {
		t.Errorf("after a conflict: an item %t, %v", item, err)
	}
	empty(t, q)
	seen := make(map[string]int)
	for _, i := range app.items() {
		seen[i.OtpID]++
	}
	if len(seen) != 8 || len(app.items()) != 8 || seen["lost"] != 0 {
		t.Errorf("received %v", seen)
	}
}

// A few changes go each in a request of its own, side by side; further ones gather meanwhile.
func TestFewChangesGoSideBySide(t *testing.T) {
	q := queuetest.Open(t)
	answer := make(chan struct{})
	app := receiver(t, func(r request) int {
		if r.Data[0].OtpID != "first" {
			<-answer
		}
		return 200
	})
	d, _ := start(t, options(t, q))
	publish(t, q, event(app.URL, "first", 1))
	empty(t, q)
	for n := range sideBySide {
		if item, err := announce(t, d, event(app.URL, fmt.Sprint("o", n), 1), nil); item || err != nil {
			t.Errorf("with %d under way: an item %t, %v", n, item, err)
		}
	}
	await.That(t, "all are under way", func() bool { return len(app.requests()) == 1+sideBySide })
	if item, err := announce(t, d, event(app.URL, "more", 1), nil); !item || err != nil {
		t.Errorf("with %d under way: an item %t, %v", sideBySide, item, err)
	}
	close(answer)
	empty(t, q)
	if got := len(app.items()); got != sideBySide+2 {
		t.Errorf("%d changes came", got)
	}
}

// Changes of one OTP that come one right after the other reach the receiver in their order, whichever way
// each is stored, and a busy URL gets them together.
func TestAnnouncedInOrder(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, nil)
	d, _ := start(t, options(t, q))
	publish(t, q, event(app.URL, "first", 1))
	empty(t, q)
	const otps, changes = 40, 5
	for n := range changes {
		for o := range otps {
			if _, err := announce(t, d, event(app.URL, fmt.Sprint("o", o), n+1), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	empty(t, q)
	list := app.items()
	if len(list) != otps*changes+1 {
		t.Errorf("%d items", len(list))
	}
	inOrder(t, list)
}

// A URL that fails gets no batch of one change.
func TestFailingURLGathers(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, func(r request) int {
		if r.Data[0].OtpID == "good" {
			return 200
		}
		return 500
	})
	o := options(t, q)
	d, _ := start(t, o)
	publish(t, q, event(app.URL, "good", 1))
	empty(t, q)
	if item, err := announce(t, d, event(app.URL, "bad", 1), nil); item || err != nil {
		t.Errorf("an item %t, %v", item, err)
	}
	await.That(t, "it was refused", func() bool { return len(app.requests()) > 1 })
	await.That(t, "the URL counts as failing", func() bool {
		item, err := announce(t, d, event(app.URL, "more"+fmt.Sprint(len(app.requests())), 1), nil)
		return item && err == nil
	})
}

// Batches that another daemon takes are not waited for: what two daemons share is told as soon as what one
// has.
func TestBatchesElsewhereHoldNothingUp(t *testing.T) {
	server := queuetest.StartServer(t)
	app := receiver(t, nil)
	var all []*Dispatcher
	for range 2 {
		d, _ := start(t, options(t, queuetest.Open(t, queuetest.URL(server.URL))))
		all = append(all, d)
	}
	const n = 600
	asked := make(map[string]time.Time, n)
	for i := range n {
		id := fmt.Sprint("o", i)
		asked[id] = time.Now()
		if _, err := announce(t, all[i%2], event(app.URL, id, 1), nil); err != nil {
			t.Fatal(err)
		}
	}
	await.That(t, "all came", func() bool { return len(app.items()) >= n })
	late := 0
	for _, r := range app.requests() {
		for _, i := range r.Data {
			if r.at.Sub(asked[i.OtpID]) > gatherFailed*9/10 {
				late++
			}
		}
	}
	t.Logf("%d requests, %d of %d late", len(app.requests()), late, n)
	if late > n/20 {
		t.Errorf("%d of %d waited a second", late, n)
	}
}

// What was made here is sent without being read again, unless it is stored otherwise meanwhile.
func TestWhatIsStoredIsSent(t *testing.T) {
	q := queuetest.Open(t)
	ctx, d := t.Context(), New(options(t, q))
	made := func(text string) (*batch, queue.Message) {
		e := event("http://127.0.0.1:1", text, 1)
		b := newBatch(newID(), &e, q.Now())
		b.ID = "msg_1"
		b.add([]job{{event: e}})
		return b, b.message()
	}
	b, m := made("first")
	d.lanes.expect(&lane{coming: make(map[string]struct{})}, b.ID)
	d.lanes.keepMade(b, m.Data)
	p, err := q.Events().Pull(ctx, queue.PullOptions{Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	store := func(m queue.Message) {
		if err := q.Publish(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	store(m)
	delivery, err := p.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.read(delivery)
	if err != nil || list[0] != b {
		t.Fatalf("it was read again: %+v, %v", list, err)
	}
	in := d.placeAll(delivery, list)
	if got := in.load(); len(got) != 1 || got[0] != b {
		t.Errorf("it was read again: %+v", got)
	}
	if got := in.load(); len(got) != 1 || got[0] == b || string(got[0].body) != string(b.body) {
		t.Errorf("for another try it is read again, and is %+v", got)
	}

	other, again := made("other")
	if d.lanes.madeHere(b.ID, again.Data) != nil {
		t.Error("other data counts as what was made")
	}
	in.read.Store(b)
	store(again) // its number was erased, say
	if got := in.load(); len(got) != 1 || string(got[0].body) != string(other.body) {
		t.Errorf("stored anew it is sent as %+v", got)
	}
	in.read.Store(other)
	if err := delivery.Ack(ctx); err != nil {
		t.Fatal(err)
	}
	if got := in.load(); got != nil {
		t.Errorf("taken off it is sent as %+v", got)
	}
}
