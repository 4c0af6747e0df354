package link_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/queuetest/standstill"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// cluster is so many rigs, each a daemon of its own, on one store and one SMSC.
func newClusterOfRigs(t *testing.T, n int, cfg smsc.Config) (all []*rig) {
	t.Helper()
	one := newRig(t, cfg)
	url := queuetest.External(t)
	for range n {
		r := *one
		r.q, r.sink = queuetest.Open(t, queuetest.URL(url)), newRecorder()
		all = append(all, &r)
	}
	return all
}

// states waits until the links' only binds are in these states, in any order.
func states(t *testing.T, links []*link.Link, want ...string) {
	t.Helper()
	slices.Sort(want)
	var got []string
	if !await.Within(await.Patience, func() bool {
		got = nil
		for _, l := range links {
			for _, b := range l.Status() {
				got = append(got, b.State)
			}
		}
		slices.Sort(got)
		return slices.Equal(got, want)
	}) {
		t.Fatalf("states %v, want %v", got, want)
	}
}

// TestOneBindOverAllDaemons: a carrier that allows one bind gets one, whichever daemon's; the other stands
// by, and binds at once when the holder stops.
func TestOneBindOverAllDaemons(t *testing.T) {
	t.Parallel()
	stood := standstill.Watch(t)
	rigs := newClusterOfRigs(t, 3, smsc.Config{Limits: smsc.Limits{MaxBinds: 1}})
	var links []*link.Link
	stops := make(map[*link.Link]func())
	for _, r := range rigs {
		l, stop := r.start(r.config(func(c *link.Config) { c.MaxBinds = 1 }))
		links = append(links, l)
		stops[l] = stop
	}
	states(t, links, "bound", "standby", "standby")
	for len(links) > 1 {
		i := slices.IndexFunc(links, (*link.Link).Up)
		if i < 0 || links[i].Standby() {
			t.Fatal("no link is bound")
		}
		for j, l := range links {
			if j != i && (!l.Standby() || l.Up()) {
				t.Error("a link that does not stand by")
			}
		}
		stops[links[i]]()
		stopped := time.Now()
		links = slices.Delete(links, i, i+1)
		want := slices.Repeat([]string{"standby"}, len(links))
		want[0] = "bound"
		states(t, links, want...)
		if took := time.Since(stopped); took > 5*time.Second+stood() { // a lease that runs out takes longer
			t.Errorf("taken over after %s", took)
		}
	}
}

// TestPairsAreLeasedTogether: of a transmitter and its receiver never one is here and one there.
func TestPairsAreLeasedTogether(t *testing.T) {
	t.Parallel()
	rigs := newClusterOfRigs(t, 2, smsc.Config{})
	var links []*link.Link
	for _, r := range rigs {
		l, _ := r.start(r.config(func(c *link.Config) { c.MaxBinds, c.Binds, c.Bind = 3, 2, link.BindSplit }))
		links = append(links, l)
	}
	states(t, links, "bound", "bound", "bound", "bound", "bound", "bound", "standby", "standby")
	for _, l := range links {
		all := l.Status()
		for i := 0; i < len(all); i += 2 {
			if all[i].State != all[i+1].State {
				t.Errorf("%s is %s, %s is %s", all[i].Bind, all[i].State, all[i+1].Bind, all[i+1].State)
			}
		}
	}
}

// TestRateIsSharedByTheHolders: two daemons with a bind each send no more together than TPS.
func TestRateIsSharedByTheHolders(t *testing.T) {
	t.Parallel()
	const tps = 40
	var mu sync.Mutex
	var times []time.Time
	seen := make(map[string]bool)
	rigs := newClusterOfRigs(t, 2, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		mu.Lock()
		defer mu.Unlock()
		times = append(times, s.Time)
		seen[s.Remote] = true
		return smsc.Outcome{NoReceipt: true}
	}})
	for i := range 300 {
		r := rigs[0]
		r.n = i
		r.put("+46700000001", "code")
	}
	var links []*link.Link
	for _, r := range rigs {
		l, _ := r.start(r.config(func(c *link.Config) { c.MaxBinds, c.TPS = 2, tps }))
		links = append(links, l)
	}
	states(t, links, "bound", "bound")
	for n := 0; n < 300; n++ {
		select {
		case <-rigs[0].sink.accepted:
		case <-rigs[1].sink.accepted:
		case <-time.After(20 * time.Second):
			t.Fatal("no more is sent")
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 2 {
		t.Errorf("%d binds sent", len(seen))
	}
	most, from := 0, 0
	for i, at := range times {
		for at.Sub(times[from]) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	// What a late timer makes up for, and a machine that is busy hands on late, is no second link's worth.
	if most > tps*3/2 {
		t.Errorf("%d parts in one second, TPS is %d", most, tps)
	}
	for _, l := range links {
		if limit := l.Rate().Limit; limit != tps/2 {
			t.Errorf("a holder's limit is %v", limit)
		}
	}
}

// TestHolderThatCannotBindYields: the daemon that has the lease is refused; the one that stands by gets its
// turn and is bound.
func TestHolderThatCannotBindYields(t *testing.T) {
	t.Parallel()
	rigs := newClusterOfRigs(t, 2, smsc.Config{})
	bad, _ := rigs[0].start(rigs[0].config(func(c *link.Config) { c.MaxBinds, c.Password = 1, "wrong" }))
	states(t, []*link.Link{bad}, "refused")
	good, _ := rigs[1].start(rigs[1].config(func(c *link.Config) { c.MaxBinds = 1 }))
	states(t, []*link.Link{good}, "bound")
	states(t, []*link.Link{bad}, "standby")
}

// TestOneDaemonAloneHasItsPlaces: with a store of its own a daemon has as many binds as the carrier allows.
func TestOneDaemonAloneHasItsPlaces(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	l, stop := r.start(r.config(func(c *link.Config) { c.MaxBinds, c.Binds = 1, 2 }))
	states(t, []*link.Link{l}, "bound", "standby")
	stop()
	again, _ := r.start(r.config(func(c *link.Config) { c.MaxBinds = 1 }))
	states(t, []*link.Link{again}, "bound")
}
