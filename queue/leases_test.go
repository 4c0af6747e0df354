package queue_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/queuetest/standstill"
)

// TestLeaseOfOnePlace: of two daemons one has the place; the other gets it at once when it is given back, and
// not before.
func TestLeaseOfOnePlace(t *testing.T) {
	t.Parallel()
	url := queuetest.External(t)
	a, b := queuetest.Open(t, queuetest.URL(url)), queuetest.Open(t, queuetest.URL(url))
	began := time.Now()
	first, err := a.Lease(t.Context(), "carrier", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Lease(t.Context(), "carrier", 1); !errors.Is(err, queue.ErrConflict) {
		t.Fatalf("a second holder of one place: %v", err)
	}
	if l, err := b.Lease(t.Context(), "another", 1); err != nil {
		t.Errorf("the place of another name: %v", err)
	} else {
		l.Release(t.Context())
	}
	if mine, all := a.Leases("carrier"); mine != 1 || all != 1 {
		t.Errorf("the holder sees %d of %d", mine, all)
	}
	for mine, all := b.Leases("carrier"); mine != 0 || all != 1; mine, all = b.Leases("carrier") {
		if t.Context().Err() != nil || time.Since(began) > 5*time.Second {
			t.Fatalf("the other sees %d of %d", mine, all)
		}
	}
	select {
	case <-first.Lost():
		t.Fatal("a lease that is renewed was lost")
	case <-time.After(7 * time.Second): // longer than a lease that nobody renews
	}
	if !first.Good() {
		t.Error("a lease that is renewed is not good")
	}
	first.Release(t.Context())
	if first.Good() {
		t.Error("good after it was given back")
	}
	if !await.Within(2*time.Second, func() bool { // the log is applied there within milliseconds
		_, err = b.Lease(t.Context(), "carrier", 1)
		return err == nil
	}) {
		t.Errorf("after it was given back: %v", err)
	}
}

// TestLeaseWithoutAStore: a holder that cannot renew knows that it lost its lease before anybody may take it.
func TestLeaseWithoutAStore(t *testing.T) {
	t.Parallel()
	server := queuetest.StartServer(t)
	q := queuetest.Open(t, queuetest.URL(server.URL))
	l, err := q.Lease(t.Context(), "carrier", 1)
	if err != nil {
		t.Fatal(err)
	}
	stood := standstill.Watch(t)
	began := time.Now()
	server.Kill()
	select {
	case <-l.Lost():
	case <-time.After(20 * time.Second):
		t.Fatal("not lost, though nothing can be renewed")
	}
	took := time.Since(began)
	if took > 5*time.Second+stood() {
		t.Errorf("lost after %s; the lease is over after 6 s", took)
	}
	time.Sleep(6*time.Second - took) // the length of a lease, not a wait for something
	if l.Good() {
		t.Error("good after its time")
	}
	server.Restart(t)
}

// TestLeasesOfOneDaemon: a store of its own counts the places too.
func TestLeasesOfOneDaemon(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	first, err := q.Lease(t.Context(), "carrier", 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Lease(t.Context(), "carrier", 2); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Lease(t.Context(), "carrier", 2); !errors.Is(err, queue.ErrConflict) {
		t.Errorf("a third of two places: %v", err)
	}
	first.Release(t.Context())
	if mine, all := q.Leases("carrier"); mine != 1 || all != 1 {
		t.Errorf("%d of %d are held", mine, all)
	}
	if _, err := q.Lease(t.Context(), "carrier", 2); err != nil {
		t.Errorf("after one was given back: %v", err)
	}
}

// TestFewerPlacesCountAllThatAreHeld: the number of places is lowered, daemon by daemon. One that knows the new
// number takes none while more than that are held, of whatever number they are.
func TestFewerPlacesCountAllThatAreHeld(t *testing.T) {
	t.Parallel()
	url := queuetest.External(t)
	before, after := queuetest.Open(t, queuetest.URL(url)), queuetest.Open(t, queuetest.URL(url))
	var held [3]*queue.Lease
	for i := range held {
		var err error
		if held[i], err = before.Lease(t.Context(), "carrier", len(held)); err != nil {
			t.Fatal(err)
		}
	}
	sees := func(want int) {
		t.Helper()
		await.That(t, fmt.Sprint("the other daemon sees that ", want, " are held"), func() bool {
			mine, all := after.Leases("carrier")
			return mine == 0 && all == want
		})
	}
	sees(3)
	for i, l := range held[:2] { // the first place is free then
		l.Release(t.Context())
		sees(2 - i)
		if _, err := after.Lease(t.Context(), "carrier", 1); !errors.Is(err, queue.ErrConflict) {
			t.Fatalf("a lease of one place, with %d held: %v", 2-i, err)
		}
	}
	held[2].Release(t.Context())
	sees(0)
	if _, err := after.Lease(t.Context(), "carrier", 1); err != nil {
		t.Error(err)
	}
}
