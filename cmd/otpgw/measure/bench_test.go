package measure

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
)

// The names of measurements that make targets ask for, in this variable.
const wanted = "OTPGW_MEASURE"

func asked(name string) bool { return os.Getenv(wanted) == name }

// receiptDelay is what carriers take at least.
const receiptDelay = time.Second

// row is a scenario's medians by system.
type row struct {
	scenario
	by map[string]figures
}

// TestBench compares otpgw with Kannel: `make bench`, BENCH_MESSAGES messages a round (40,000), BENCH_ROUNDS
// rounds (3). The systems take turns, so that a noisy minute harms both. BENCH_PLOT names a file for the
// plot. BENCH_BESIDE names another program of otpgw, built from another revision for instance, that is
// measured beside this one. BENCH_ONLY measures the runs whose names it matches, a regular expression.
func TestBench(t *testing.T) {
	t.Parallel()
	systems := []system{otpgw(processtest.BuildDaemon(t))}
	if program := os.Getenv("BENCH_BESIDE"); program != "" {
		beside := otpgw(program)
		beside.name = "beside"
		systems = append(systems, beside)
	} else if k, ok := kannel(); ok {
		systems = append(systems, k)
	} else {
		t.Log("Kannel is not measured: bearerbox and smsbox are not installed (apt-get install kannel)")
	}
	count, rounds := setting(t, "BENCH_MESSAGES", 40_000), setting(t, "BENCH_ROUNDS", 3)
	scenarios := []scenario{
		{name: "window 10", window: 10, delay: receiptDelay},
		{name: "window 100", window: 100, delay: receiptDelay},
		{name: "window 1000", window: 1000, delay: receiptDelay},
		{name: "window 100, receipts at once", window: 100},
		{name: "window 100, numbers spread", window: 100, delay: receiptDelay, spread: true},
		{name: "1000 a second", window: 100, delay: receiptDelay, rate: 1000},
		{name: "200 a second", window: 100, delay: receiptDelay, rate: 200},
	}
	if !asked("bench") {
		count, rounds, scenarios = 200, 1, scenarios[1:2]
	}
	rows := runAll(t, systems, wantedOf(t, scenarios), count, rounds)
	t.Logf("medians of %d rounds, %d messages each\n%s", rounds, count, table(rows, systems))
	if file := os.Getenv("BENCH_PLOT"); file != "" {
		if err := os.WriteFile(file, plot(rows, systems), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// wantedOf is those scenarios that BENCH_ONLY names.
func wantedOf(t *testing.T, scenarios []scenario) []scenario {
	t.Helper()
	only, err := regexp.Compile(os.Getenv("BENCH_ONLY"))
	if err != nil {
		t.Fatalf("BENCH_ONLY: %v", err)
	}
	return slices.DeleteFunc(scenarios, func(s scenario) bool { return !only.MatchString(s.name) })
}

// TestGrowth says what more of something costs: `make growth`, of the runs that BENCH_ONLY names.
func TestGrowth(t *testing.T) {
	if !asked("growth") {
		t.Skip("long: make growth")
	}
	systems := []system{otpgw(processtest.BuildDaemon(t))}
	base := scenario{window: 100, delay: receiptDelay}
	var scenarios []scenario
	add := func(name string, change func(*scenario)) {
		s := base
		s.name = name
		change(&s)
		scenarios = append(scenarios, s)
	}
	for _, n := range []int{1, 2, 5, 10} {
		add(fmt.Sprint("links ", n), func(s *scenario) { s.links = n })
	}
	for _, store := range []string{"node", "R3"} {
		for _, n := range []int{1, 2, 3} {
			add(fmt.Sprintf("store %s, daemons %d", store, n), func(s *scenario) { s.store, s.daemons = store, n })
		}
	}
	for _, store := range []string{"node", "R3"} { // a cluster is for those who have little to send, too
		add(fmt.Sprintf("store %s, 150 a second", store), func(s *scenario) { s.store, s.rate = store, 150 })
	}
	count, rounds := setting(t, "BENCH_MESSAGES", 40_000), setting(t, "BENCH_ROUNDS", 3)
	t.Logf("medians of %d rounds, %d messages each\n%s", rounds, count, table(runAll(t, systems, wantedOf(t, scenarios), count, rounds), systems))
}

// pacedSeconds is how long a paced round goes on, when it has that many messages.
const pacedSeconds = 20

// runAll measures each scenario in each round, and in it each system: so a noisy minute harms all of them.
func runAll(t *testing.T, systems []system, scenarios []scenario, count, rounds int) []row {
	rows, runs := make([]row, len(scenarios)), make([]map[string][]figures, len(scenarios))
	for n := range rounds {
		for i, s := range scenarios {
			if s.count = count; s.rate > 0 {
				s.count = min(count, s.rate*pacedSeconds)
			}
			if n == 0 {
				rows[i], runs[i] = row{s, make(map[string]figures)}, make(map[string][]figures)
			}
			for _, sys := range systems {
				f := measure(t, sys, s)
				t.Logf("%s, round %d, %s: %s", s.name, n+1, sys.name, f)
				runs[i][sys.name] = append(runs[i][sys.name], f)
				rows[i].by[sys.name] = median(runs[i][sys.name])
			}
		}
	}
	return rows
}

// table is the rows in Markdown, with the ratios of the first system to each other.
func table(rows []row, systems []system) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| run\t| program\t| delivered/s\t| p50 ms\t| p99 ms\t| create p50 / p99 ms\t| CPU ms\t| NATS CPU ms\t| memory MiB\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range rows {
		for i, sys := range systems {
			f := r.by[sys.name]
			fmt.Fprintf(w, "| %s\t| %s\t| %.0f\t| %.1f\t| %.1f\t| %.1f / %.1f\t| %.3f\t| %.3f\t| %.0f\t|\n",
				r.name, sys.name, f.Rate, f.P50, f.P99, f.CreateP50, f.Create9, f.CPU, f.NodeCPU, f.RSS)
			if first := r.by[systems[0].name]; i > 0 {
				fmt.Fprintf(w, "| \t| %s / %s\t| %.2f\t| %.2f\t| %.2f\t| \t| %.2f\t| \t| %.2f\t|\n", systems[0].name, sys.name,
					first.Rate/f.Rate, first.P50/f.P50, first.P99/f.P99, first.CPU/f.CPU, first.RSS/f.RSS)
			}
		}
	}
	_ = w.Flush()
	return b.String()
}
