package measure

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
)

func TestMain(m *testing.M) {
	processtest.Main(m, map[string]processtest.Role{"neutral": neutralRole, "load": loadRole, "soak": soakRole})
}

// figures are those of one run.
type figures struct {
	loadResult
	CPU     float64 // ms of the daemon's processes for each message
	NodeCPU float64 // ms of an external store's for each message
	RSS     float64 // MiB at most, of the daemon's processes together
}

// setting reads a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
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

// The messages before those that are measured, and the number of their first.
const (
	warmUp     = 200
	warmUpFrom = 9_000_000
)

// measure runs one scenario on one system.
func measure(t *testing.T, sys system, s scenario) figures {
	t.Helper()
	lines := processtest.NewLines()
	smsc := processtest.StartRole(t, "neutral", s.delay, lines.Add)
	defer smsc.End(most)
	r := sys.start(t, s, lines.Next(t, smsc, most))
	defer r.stop()
	for range max(1, s.links) * max(1, s.daemons) {
		lines.Next(t, smsc, most) // bound
	}
	plan := loadPlan{API: r.api, Kannel: sys.name == "Kannel", Count: warmUp, First: warmUpFrom, Delay: s.delay}
	r.load(t, plan) // the first messages of a program are its slowest, and a round has not as many as a day
	plan.Count, plan.First, plan.PerSecond, plan.Spread = s.count, 0, s.rate, s.spread
	return r.load(t, plan)
}

// load runs the load against a running system.
func (r *running) load(t *testing.T, plan loadPlan) figures {
	t.Helper()
	cpu, nodeCPU, _ := r.usage(t)
	lines := processtest.NewLines()
	p := processtest.StartRole(t, "load", plan, lines.Add)
	patience := 3*stuck + time.Duration(plan.Count)*20*time.Millisecond
	var f figures
	if err := json.Unmarshal([]byte(lines.Next(t, p, patience)), &f.loadResult); err != nil {
		t.Fatal(err)
	}
	endCPU, endNodes, rss := r.usage(t)
	p.End(most)
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(plan.Count) }
	f.CPU, f.NodeCPU, f.RSS = per(endCPU-cpu), per(endNodes-nodeCPU), float64(rss)/(1<<20)
	if f.Missing > 0 {
		t.Errorf("%d of %d callbacks never came", f.Missing, plan.Count)
	}
	return f
}

// usage sums up the CPU of the daemons and of the nodes, and the daemons' memory at most.
func (r *running) usage(t *testing.T) (daemons, nodes time.Duration, peak int64) {
	t.Helper()
	sum := func(pids []int) (cpu time.Duration, peak int64) {
		for _, pid := range pids {
			u, err := processtest.UsageOf(pid)
			if err != nil {
				t.Skipf("this needs /proc, as Linux has it: %v", err)
			}
			cpu, peak = cpu+u.CPU, peak+u.Peak
		}
		return cpu, peak
	}
	daemons, peak = sum(r.pids)
	nodes, _ = sum(r.nodes)
	return daemons, nodes, peak
}

// median takes each figure's median.
func median(runs []figures) (f figures) {
	of := func(get func(figures) float64) float64 {
		var all []float64
		for _, r := range runs {
			all = append(all, get(r))
		}
		slices.Sort(all)
		return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	}
	f.Rate = of(func(f figures) float64 { return f.Rate })
	f.P50, f.P99 = of(func(f figures) float64 { return f.P50 }), of(func(f figures) float64 { return f.P99 })
	f.CreateP50, f.Create9 = of(func(f figures) float64 { return f.CreateP50 }), of(func(f figures) float64 { return f.Create9 })
	f.CPU, f.NodeCPU = of(func(f figures) float64 { return f.CPU }), of(func(f figures) float64 { return f.NodeCPU })
	f.RSS = of(func(f figures) float64 { return f.RSS })
	for _, r := range runs {
		f.Refused += r.Refused
	}
	return f
}

func (f figures) String() string {
	return fmt.Sprintf("%.0f/s, p50 %.1f, p99 %.1f, create %.1f / %.1f ms, CPU %.3f + %.3f ms, %.0f MiB, refused %d",
		f.Rate, f.P50, f.P99, f.CreateP50, f.Create9, f.CPU, f.NodeCPU, f.RSS, f.Refused)
}
