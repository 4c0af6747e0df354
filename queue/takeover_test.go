package queue

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// sharedServer is a server that several daemons of this process share.
func sharedServer(t *testing.T) (url string) {
	t.Helper()
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, JetStreamMaxStore: 64 << 30, StoreDir: t.TempDir(),
		NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(time.Minute) {
		t.Fatal("the server did not get ready")
	}
	return ns.ClientURL()
}

// openShared opens a store on a server that several daemons share.
func openShared(t *testing.T, url string) *Queue {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	q, err := Open(ctx, Options{URL: url, Dir: t.TempDir(), Routes: []string{"default"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := q.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return q
}

// silence ends a daemon's renewals, as a pause of its process or a network that is cut does.
func (d *daemons) silence() {
	d.cancel()
	d.done.Wait()
}

func pullEvents(t *testing.T, q *Queue) *Puller {
	t.Helper()
	p, err := q.Events().Pull(t.Context(), PullOptions{Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func nextWithin(t *testing.T, p *Puller, d time.Duration) (*Delivery, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return p.Next(ctx)
}

// TestMessageOfALostDaemonIsNobodysFirst: a daemon has a message in hand and loses its lease. Another claims it,
// and gives it back before it hands it out: whoever gets it then is still told that somebody had it, for what
// was done with it is not known. And when it comes back to the first daemon, what that does with what it had
// before the pause does not give away what it has now.
func TestMessageOfALostDaemonIsNobodysFirst(t *testing.T) {
	t.Parallel()
	url := sharedServer(t)
	a, b, c := openShared(t, url), openShared(t, url), openShared(t, url)
	if err := a.Publish(t.Context(), Message{Subject: "events.item.x", Key: "x.1", Group: "demo", Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	pa := pullEvents(t, a)
	first, err := nextWithin(t, pa, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if first.Orphan || first.Attempt != 1 {
		t.Fatalf("the first to have it: attempt %d, orphan %v", first.Attempt, first.Orphan)
	}
	a.daemons.silence()

	pb := pullEvents(t, b)
	wb := b.Events().work
	claimed := func() bool {
		wb.mu.Lock()
		defer wb.mu.Unlock()
		return wb.claimed.size == 1
	}
	if !await.Within(await.Patience, claimed) {
		t.Fatal("nobody took over what the lost daemon had")
	}
	pb.Stop() // as at the end of its link's session, or of itself

	pc := pullEvents(t, c)
	got, err := nextWithin(t, pc, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Orphan && got.Attempt < 2 {
		t.Errorf("who has it third is told that nobody had it: attempt %d, orphan %v", got.Attempt, got.Orphan)
	}

	a.daemons.start()
	c.daemons.silence()
	again, err := nextWithin(t, pa, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Nak(0)
	if other, err := nextWithin(t, pa, 300*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a message in hand was handed out again: %+v, %v", other, err)
	}
	if err := again.Ack(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestMessageOfAMomentWithoutALease: the store does not answer a renewal for so long that the lease is over, and
// then does. A message that arrived in that moment is handed out, though no other ever comes.
func TestMessageOfAMomentWithoutALease(t *testing.T) {
	t.Parallel()
	url := sharedServer(t)
	a, b := openShared(t, url), openShared(t, url)
	p := pullEvents(t, a)
	a.daemons.silence()
	a.daemons.good.Store(int64(time.Since(a.daemons.from) + 300*time.Millisecond))
	got := make(chan error, 1)
	go func() {
		_, err := nextWithin(t, p, time.Minute)
		got <- err
	}()

	parked := a.Parked().work
	parked.mu.Lock() // the renewal asks each queue for its priority, and waits here
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		a.daemons.renewOnce(t.Context())
	}()
	over := func() bool { return !a.daemons.leased() }
	if !await.Within(await.Patience, over) {
		t.Fatal("the lease does not end")
	}
	err := b.Publish(t.Context(), Message{Subject: "events.item.x", Key: "x.1", Group: "demo", Data: []byte("x")})
	arrived := func() bool { return a.Events().Stored("x.1") }
	there := err == nil && await.Within(await.Patience, arrived)
	parked.mu.Unlock()
	if !there {
		t.Fatalf("the message does not arrive: %v", err)
	}
	<-renewed
	if err := <-got; err != nil {
		t.Errorf("the message is handed to nobody: %v", err)
	}
}

// TestHeldMessageStaysItsHolders: a message that is in work for longer than a lease lasts goes to no other daemon
// while its holder lives, which renews one lease for all that it has.
func TestHeldMessageStaysItsHolders(t *testing.T) {
	t.Parallel()
	url := sharedServer(t)
	first, second := openShared(t, url), openShared(t, url)
	ours, theirs := pullEvents(t, first), pullEvents(t, second)
	if err := first.Publish(t.Context(), Message{Subject: "events.held", Data: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	type got struct {
		d     *Delivery
		other *Puller
	}
	taken := make(chan got, 2)
	for p, other := range map[*Puller]*Puller{ours: theirs, theirs: ours} {
		go func() {
			if d, err := nextWithin(t, p, leaseTime); err == nil {
				taken <- got{d, other}
			}
		}()
	}
	var g got
	select {
	case g = <-taken:
	case <-time.After(2 * leaseTime):
		t.Fatal("nobody gets it")
	}
	if d, err := nextWithin(t, g.other, leaseTime+leaseGrace+time.Second); err == nil {
		t.Fatalf("another has %q too", d.Data)
	}
	if !g.d.Load() {
		t.Error("its holder does not have it any more")
	}
	if err := g.d.Ack(t.Context()); err != nil {
		t.Error(err)
	}
}
