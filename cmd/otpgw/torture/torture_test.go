package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// settleTime is how long what is owed may take after the last fault. A callback that failed twice is due again
// after 5 minutes; and one that the receiver hangs on, for 15 s, and that a machine which stands still fails
// once more, begins those a minute later.
const settleTime = 380 * time.Second

// settings are those of a run.
type settings struct {
	seconds  int
	rate     int // OTPs a second
	seed     uint64
	daemons  int
	skewed   int           // the daemon with a wrong clock
	skew     time.Duration // how wrong
	expiring bool          // some OTPs live for a minute only, which a short run has not

	smsc  string // where it listens
	began time.Time
	t     *testing.T
}

// log says something with the time since the run began.
func (s settings) log(format string, args ...any) {
	s.t.Logf("%6.1fs  %s", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

// number reads a variable.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, and has to be a number from 1", name, text)
	}
	return n
}

func newSettings(t *testing.T) settings {
	s := settings{seconds: number(t, "TORTURE_SECONDS", 40), rate: number(t, "TORTURE_RATE", 60), seed: uint64(number(t, "TORTURE_SEED", 1)),
		daemons: 3, began: time.Now(), t: t}
	r := rand.New(rand.NewPCG(s.seed, 0))
	s.skewed = r.IntN(s.daemons)
	s.skew = time.Duration(6+r.IntN(55)) * time.Second
	if r.IntN(2) == 0 {
		s.skew = -s.skew
	}
	s.expiring = s.seconds >= 120
	return s
}

// TestTorture breaks things under load, mends everything, waits for what is owed, and compares. See the
// package's comment.
func TestTorture(t *testing.T) {
	t.Parallel()
	set := newSettings(t)
	w := newWorld(t, set)
	w.set.began = time.Now()
	w.set.log("seed %d, %d OTPs/s for %d s; the clock of daemon %d is wrong by %s", set.seed, set.rate, set.seconds, set.skewed, set.skew)
	running, stop := context.WithTimeout(t.Context(), time.Duration(set.seconds)*time.Second)
	defer stop()
	l := newLoad(w)
	var faults, lives sync.WaitGroup
	faults.Go(func() { w.breakThings(running, 1, daemonFaults) })
	faults.Go(func() { w.breakThings(running, 2, nodeFaults) })
	lives.Go(func() { l.run(running) })
	lives.Go(func() { w.lookOn(running) })
	faults.Wait()
	w.set.log("everything is mended; %d faults, %d OTPs not asked for since %d were in work", w.broken.Load(), l.skip.Load(), maxLives)
	lives.Wait()
	w.settle(l)
	if err := w.lookAtEnd(); err != nil {
		t.Error(err)
	}
	if err := w.scanAll(); err != nil {
		t.Errorf("looking for PINs and texts: %v", err)
	}
	for _, g := range w.daemons {
		if u, err := g.current().Usage(); err == nil {
			w.set.log("daemon %d: %.1f s of CPU, %d MiB of memory, %d at most, %d descriptors", g.n, u.CPU.Seconds(), u.RSS>>20, u.Peak>>20, u.Descriptors)
		}
	}
	w.smsc.End(stopTimeout)
	if err := w.scanLogs(); err != nil {
		t.Errorf("looking for panics and data races: %v", err)
	}
	v := w.ledger.judge()
	t.Logf("seed %d:\n%s", set.seed, v)
	if v.values[rowAccepted] < set.seconds*set.rate/20 {
		t.Errorf("only %d OTPs were accepted: that shows nothing", v.values[rowAccepted])
	}
	for _, row := range v.over() {
		most, _ := v.most(row)
		t.Errorf("%s: %d, more than %d", row, v.values[row], most)
		w.showWays(row, v.examples[row])
		if row == rowCrashes {
			w.showCrashes()
		}
	}
}

// settle waits until nothing is owed to an application and no record waits for its end, or the time for that
// is over. What the records say is read on the way.
func (w *world) settle(l *load) {
	deadline := time.Now().Add(settleTime)
	for {
		late := time.Now().After(deadline)
		owing, open := w.ledger.owing(), w.ledger.open()
		if owing == 0 || late {
			l.read(open)
			open = w.ledger.open()
		}
		if owing == 0 && len(open) == 0 || late {
			w.set.log("settled: %d OTPs owe something, %d records have no end", owing, len(open))
			return
		}
		pause(w.t.Context(), 200*time.Millisecond)
	}
}
