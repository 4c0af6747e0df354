package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// asks is what a fault may ask of daemons that nobody touches, as is documented of them. They have no store
// of their own here, so no write of theirs can fail.
type asks int

const (
	nothing    asks = iota
	toWait          // for the store: one that is started meanwhile gives up in the end
	toReadAnew      // that too; and the log may have lost its end, which one that had read it ends by
)

// The exit statuses that are documented for these (otpgw -help).
const (
	statusFailed = 1
	statusAgain  = 4
)

// noticeTime is how long after a fault somebody may notice that the log has lost its end: the node has to be
// back, the others to elect a leader, and the daemon to append.
const noticeTime = 15 * time.Second

// happening is a fault in its time.
type happening struct {
	fault
	began, over time.Time // over is zero while it lasts
}

func (l *ledger) happens(f fault) (over func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &happening{fault: f, began: time.Now()}
	l.faults = append(l.faults, h)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		h.over = time.Now()
	}
}

// during tells whether a fault was there at some time between two.
func (h *happening) during(from, to time.Time) bool {
	return h.began.Before(to) && (h.over.IsZero() || h.over.After(from))
}

// daemonEnd is the end of a daemon that no test asked for.
type daemonEnd struct {
	daemon  int
	status  int       // -1: by a signal
	started time.Time // of one that was not ready yet; else zero
	at      time.Time
}

func (e daemonEnd) String() string {
	when := ""
	if !e.started.IsZero() {
		when = " before it was ready"
	}
	return fmt.Sprintf("daemon %d with status %d%s at %s", e.daemon, e.status, when, e.at.Format(time.TimeOnly))
}

// documented: a fault of that time asked for it.
func (e daemonEnd) documented(faults []*happening) bool {
	from, least := e.at.Add(-noticeTime), toReadAnew
	switch {
	case e.status == statusFailed && !e.started.IsZero():
		from, least = e.started, toWait
	case e.status != statusAgain:
		return false
	}
	return slices.ContainsFunc(faults, func(h *happening) bool { return h.asks >= least && h.during(from, e.at) })
}

// ended notes the end of a daemon that nobody asked for.
func (l *ledger) ended(e daemonEnd) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note("a daemon ended", fmt.Sprint(e))
	l.ends = append(l.ends, e)
	if e.started.IsZero() {
		l.doubts["end by itself"]++
	}
}

// current is the daemon that runs, or ran last.
func (g *gateway) current() *processtest.Daemon {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.daemon
}

// start starts the daemon until it gets ready, as a supervisor would, or ctx ends.
func (g *gateway) start(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		d, err := processtest.StartDaemon(g.w.t, g.program, g.env, g.log, startTimeout)
		if err != nil {
			g.w.set.log("daemon %d: %v", g.n, err)
			if e := (processtest.Ended{}); errors.As(err, &e) && ctx.Err() == nil {
				g.w.ledger.ended(daemonEnd{daemon: g.n, status: e.Status, started: began, at: time.Now()})
			}
			continue
		}
		g.mu.Lock()
		g.daemon, g.base = d, d.HTTP
		g.mu.Unlock()
		g.w.watching.Go(func() { g.watch(ctx, d) })
		return
	}
}

// away ends the daemon; back starts it again.
func (g *gateway) away(how func(*processtest.Daemon)) (back func()) {
	g.life.Lock()
	d := g.current()
	g.noteEnd(d)
	how(d)
	return func() {
		defer g.life.Unlock()
		g.start(g.w.t.Context())
	}
}

// watch notes the end of a daemon that nobody asked for, and starts it again.
func (g *gateway) watch(ctx context.Context, d *processtest.Daemon) {
	select {
	case <-d.Exited():
	case <-ctx.Done():
		return
	}
	g.life.Lock()
	defer g.life.Unlock()
	if ctx.Err() == nil && g.current() == d { // else it was ended at the end of the test, or is back already
		g.noteEnd(d)
		g.start(ctx)
	}
}

// noteEnd notes that a daemon has ended, where it has.
func (g *gateway) noteEnd(d *processtest.Daemon) {
	select {
	case <-d.Exited():
		e := daemonEnd{daemon: g.n, status: d.State().ExitCode(), at: time.Now()}
		g.w.set.log("ended by itself: %s", e)
		g.w.ledger.ended(e)
	default:
	}
}

// endingStatus is that of the role that ends by itself.
const endingStatus = 7

// endingRole is a daemon that ends when it is told to.
func endingRole(context.Context, []byte) error {
	fmt.Fprintln(os.Stderr, `{"message":"ready","http":"127.0.0.1:1","admin":"127.0.0.1:1"}`)
	<-processtest.Heard
	os.Exit(endingStatus)
	return nil
}

// TestEndsAreNoticed: the end of a daemon is noted, and it runs again, unless it is a fault that ended it.
func TestEndsAreNoticed(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ledger: newLedger(), set: settings{t: t, began: time.Now()}}
	t.Cleanup(w.watching.Wait)
	g := &gateway{w: w, n: 2, program: self, env: map[string]string{processtest.RoleVariable: "ending"}}
	g.start(t.Context())
	for n := 1; n <= 2; n++ {
		d := g.current()
		fmt.Fprintln(d.Stdin(), "end")
		await.That(t, "it runs again", func() bool { return g.current() != d })
		if len(w.ledger.ends) != n || w.ledger.ends[n-1].status != endingStatus || w.ledger.ends[n-1].daemon != 2 {
			t.Errorf("noted: %v", w.ledger.ends)
		}
		back := g.away((*processtest.Daemon).Kill)
		if g.current() == d {
			t.Error("another one was ended")
		}
		back()
		if len(w.ledger.ends) != n {
			t.Errorf("noted of a kill: %v", w.ledger.ends)
		}
	}
}

// plantFault plants a fault that was over so long ago, or lasts.
func (l *ledger) plantFault(what asks, ago time.Duration) {
	h := &happening{fault: fault{asks: what}, began: time.Now().Add(-time.Hour)}
	if ago > 0 {
		h.over = time.Now().Add(-ago)
	}
	l.faults = append(l.faults, h)
}
