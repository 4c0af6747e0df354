package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
)

// fault breaks something for a time.
type fault struct {
	name        string
	least, most time.Duration // how long it lasts
	doubt       time.Duration // lasting as long it leaves what is in a link's window in doubt; 0: it never does
	asks        asks          // of the daemons
	begin       func(*world, *rand.Rand) (what string, end func())
}

// How long a fault has to last for a message to be in doubt.
const (
	always     = time.Nanosecond
	leaseTime  = 4 * time.Second // of a daemon, from its last renewal but one
	answerTime = 4 * time.Second // the response timeout is 5 s, and somebody's clock began before
)

// daemonFaults happen to one daemon, or to its ways.
var daemonFaults = []fault{
	{"kill -9", 0, 3 * time.Second, always, nothing, onDaemon(func(g *gateway) func() {
		return g.away((*processtest.Daemon).Kill)
	})},
	{"stop and start", 0, time.Second, 0, nothing, onDaemon(func(g *gateway) func() {
		return g.away(func(d *processtest.Daemon) {
			if status := d.Terminate(stopTimeout); status != 0 {
				g.w.set.log("daemon %d was asked to end, and did with status %d (-1: not in %s, or by a signal)", g.n, status, stopTimeout)
			}
		})
	})},
	{"pause", time.Second, 9 * time.Second, answerTime, nothing, onDaemon(func(g *gateway) func() {
		d := g.current()
		d.Pause()
		return d.Resume
	})},
	{"cut off from NATS", time.Second, 8 * time.Second, leaseTime, toWait, onDaemon(func(g *gateway) func() { return cut(g.nats...) })},
	{"cut off from the SMSC", time.Second, 8 * time.Second, answerTime, nothing, onDaemon(func(g *gateway) func() { return cut(g.smsc) })},
	{"cut off from one node", time.Second, 8 * time.Second, 0, nothing, func(w *world, r *rand.Rand) (string, func()) {
		g, n := w.daemons[r.IntN(len(w.daemons))], r.IntN(nodes)
		return fmt.Sprintf("daemon %d, node %d", g.n, n), cut(g.nats[n])
	}},
	{"callbacks cut off", time.Second, 8 * time.Second, 0, nothing, func(w *world, _ *rand.Rand) (string, func()) { return "receiver", cut(w.callback) }},
}

// nodeFaults happen to one node of the cluster, so that two are left: what the cluster is made for.
var nodeFaults = []fault{
	{"kill -9", 0, 3 * time.Second, 0, toReadAnew, onNode(func(n *node) func() {
		n.p.Kill()
		return n.start
	})},
	{"stop and start", 0, time.Second, 0, toWait, onNode(func(n *node) func() {
		n.stop()
		return n.start
	})},
	{"pause", time.Second, 9 * time.Second, 0, toWait, onNode(func(n *node) func() {
		p := n.p
		p.Pause()
		return p.Resume
	})},
	{"cut off from the other nodes", time.Second, 8 * time.Second, 0, toReadAnew, onNode(func(n *node) func() { return cut(n.routes...) })},
	{"a stream is full", 2 * time.Second, 5 * time.Second, 0, toWait, fill},
}

func onDaemon(begin func(*gateway) func()) func(*world, *rand.Rand) (string, func()) {
	return func(w *world, r *rand.Rand) (string, func()) {
		g := w.daemons[r.IntN(len(w.daemons))]
		return fmt.Sprint("daemon ", g.n), begin(g)
	}
}

func onNode(begin func(*node) func()) func(*world, *rand.Rand) (string, func()) {
	return func(w *world, r *rand.Rand) (string, func()) {
		n := w.nats[r.IntN(nodes)]
		return "node " + n.plan.Name, begin(n)
	}
}

func cut(paths ...*path) (heal func()) {
	for _, p := range paths {
		p.cut()
	}
	return func() {
		for _, p := range paths {
			p.heal()
		}
	}
}

// breakThings has one fault after the other until ctx ends, of those that TORTURE_FAULTS names. Each is over
// when it returns.
func (w *world) breakThings(ctx context.Context, lane uint64, faults []fault) {
	faults = slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return !strings.Contains(f.name, os.Getenv("TORTURE_FAULTS")) })
	if len(faults) == 0 {
		return
	}
	r := rand.New(rand.NewPCG(w.set.seed, lane))
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(r.Int64N(int64(most-least)))
	}
	for {
		pause(ctx, between(time.Second, 4*time.Second))
		if ctx.Err() != nil {
			return
		}
		f := faults[r.IntN(len(faults))]
		lasts := between(f.least, f.most)
		began := time.Now()
		over := w.ledger.happens(f)
		what, end := f.begin(w, r)
		w.set.log("%s: %s, for %s", what, f.name, lasts.Round(time.Millisecond))
		w.broken.Add(1)
		if f.doubt > 0 && lasts >= f.doubt {
			w.ledger.doubt(f.name)
		}
		pause(ctx, lasts)
		end()
		over()
		if took := time.Since(began) - lasts; took > 10*time.Second {
			w.set.log("%s: %s, over %s late", what, f.name, took.Round(time.Second))
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// fill makes a stream as small as what is in it, so that it takes nothing new, and then as large as it was.
// The stream is any of those that refuse when they are full.
func fill(w *world, r *rand.Rand) (string, func()) {
	noEnd := func() {}
	js, err := w.jetStream()
	if err != nil {
		return "no stream: " + err.Error(), noEnd
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	var refusing []*jetstream.StreamInfo
	for info := range js.ListStreams(ctx).Info() {
		if info.Config.Discard == jetstream.DiscardNew && info.State.Msgs > 0 {
			refusing = append(refusing, info)
		}
	}
	if len(refusing) == 0 {
		js.Conn().Close()
		return "no stream", noEnd
	}
	slices.SortFunc(refusing, func(a, b *jetstream.StreamInfo) int { return strings.Compare(a.Config.Name, b.Config.Name) })
	chosen := refusing[r.IntN(len(refusing))]
	small := chosen.Config
	small.MaxMsgs = int64(chosen.State.Msgs)
	if _, err := js.UpdateStream(ctx, small); err != nil {
		w.set.log("stream %s: %v", small.Name, err)
	}
	return "stream " + small.Name, func() {
		defer js.Conn().Close()
		for w.t.Context().Err() == nil {
			ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
			_, err := js.UpdateStream(ctx, chosen.Config)
			cancel()
			if err == nil {
				return
			}
			w.set.log("stream %s: %v", small.Name, err)
			pause(w.t.Context(), time.Second)
		}
	}
}
