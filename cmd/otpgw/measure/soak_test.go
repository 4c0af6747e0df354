package measure

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
)

// sample is what a daemon had at one moment.
type sample struct {
	made       int // OTPs so far
	rss, disk  int64
	heap       int64 // bytes in use, those that the next collection frees among them
	goroutines int
	fds        int
}

func (s sample) String() string {
	return fmt.Sprintf("%9d %9.0f %9.0f %9.0f %10d %11d", s.made, mib(s.rss), mib(s.heap), mib(s.disk), s.goroutines, s.fds)
}

const soakHead = "minute      OTPs   RSS MiB  heap MiB store MiB goroutines descriptors"

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// growthBounds are how much the last quarter's median may be over the second's, the first being warm-up.
type growthBounds struct {
	memory, disk       int64 // for the ups and downs of the garbage collector and of the store
	otpMemory, otpDisk int64 // for each OTP more
	goroutines, fds    int
}

// In a long run all that is kept of an OTP is gone within the warm-up, so nothing is to grow. A minute is too
// short for that: the OTPs are all there, and the store's caches fill all the time.
var (
	flat   = growthBounds{memory: 64 << 20, disk: 64 << 20, goroutines: 60, fds: 40}
	minute = growthBounds{memory: 256 << 20, disk: 64 << 20, otpMemory: 8 << 10, otpDisk: 12 << 10, goroutines: 60, fds: 40}
)

// TestSoak works for long with failures of every kind, and wants nothing to grow: `make soak`, SOAK_SECONDS
// (1,800) at SOAK_RATE (500) a second; in `go test` a minute at a rate that bears the race detector beside
// it. See soakRole for the failures.
func TestSoak(t *testing.T) {
	t.Parallel()
	plan := soakPlan{Seconds: setting(t, "SOAK_SECONDS", 60), Rate: setting(t, "SOAK_RATE", 50)}
	if asked("soak") {
		plan.Seconds, plan.Rate = setting(t, "SOAK_SECONDS", 1800), setting(t, "SOAK_RATE", 500)
	}
	lines := processtest.NewLines()
	peers := processtest.StartRole(t, "soak", plan, lines.Add)
	env := map[string]string{"OTPGW_LINK_L0_RESPONSE_TIMEOUT": "2s", "OTPGW_APP_SHOP_CALLBACK_URL": lines.Next(t, peers, most)}
	addLinks(env, 1, 100, lines.Next(t, peers, most))
	env["OTPGW_LINK_L0_BINDS"] = "2"  // so that one is there while the other comes back
	maps.Copy(env, map[string]string{ // all that is kept of an OTP goes within the warm-up
		"OTPGW_APP_SHOP_TTL": "60", "OTPGW_RETENTION": "1m", "OTPGW_APP_SHOP_SEND_LIMITS": "5/1m", "OTPGW_APP_SHOP_TRY_LIMITS": "25/1m"})
	dir := t.TempDir()
	d := startDaemon(t, processtest.BuildDaemon(t), dir, env)
	if _, err := fmt.Fprintln(peers.Stdin(), d.HTTP); err != nil {
		t.Fatal(err)
	}
	samples := watch(t, d, dir, lines, peers)
	if len(samples) < 8 {
		t.Fatalf("only %d samples", len(samples))
	}
	q := len(samples) / 4
	early, late := middle(samples[q:2*q]), middle(samples[3*q:])
	t.Logf("second quarter %+v, last %+v", early, late)
	bounds := flat
	if plan.Seconds < 600 {
		bounds = minute
	}
	bounds.judge(t.Errorf, early, late)
	if status := d.Terminate(most); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
}

// watch takes a sample with each line of the peers' progress, which is one a second, until the last, which is
// their result.
func watch(t *testing.T, d *processtest.Daemon, dir string, lines processtest.Lines, peers *processtest.Process) (samples []sample) {
	for {
		line := lines.Next(t, peers, 3*most)
		var made int
		if n, _ := fmt.Sscanf(line, "made %d", &made); n == 0 {
			t.Log(line)
			var wrong int
			if _, err := fmt.Sscanf(line, "done, %d wrong", &wrong); err != nil || wrong > 0 {
				t.Errorf("the peers say: %s", line)
			}
			return samples
		}
		u, err := d.Usage()
		if err != nil {
			t.Fatalf("the daemon: %v", err)
		}
		now := sample{made: made, rss: u.RSS, disk: diskOf(t, dir), fds: u.Descriptors}
		now.heap, now.goroutines = runtimeOf(t, d.Admin)
		samples = append(samples, now)
		if n := len(samples); n%60 == 0 {
			if n == 60 {
				t.Log(soakHead)
			}
			t.Logf("%6d %v", n/60, middle(samples[n-60:]))
		}
	}
}

// runtimeOf reads the daemon's metrics: bytes of its heap in use, and its goroutines.
func runtimeOf(t *testing.T, admin string) (heap int64, goroutines int) {
	t.Helper()
	resp, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
		var n float64
		if _, err := fmt.Sscanf(sc.Text(), "go_goroutines %g", &n); err == nil {
			goroutines = int(n)
		} else if _, err := fmt.Sscanf(sc.Text(), "go_memstats_heap_inuse_bytes %g", &n); err == nil {
			heap = int64(n)
		}
	}
	if heap == 0 || goroutines == 0 {
		t.Fatalf("the metrics tell of %d bytes of heap and %d goroutines", heap, goroutines)
	}
	return heap, goroutines
}

// middle is each figure's median.
func middle(s []sample) (m sample) {
	of := func(get func(sample) int64) int64 {
		var all []int64
		for _, x := range s {
			all = append(all, get(x))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	m.made = int(of(func(s sample) int64 { return int64(s.made) }))
	m.rss, m.disk = of(func(s sample) int64 { return s.rss }), of(func(s sample) int64 { return s.disk })
	m.heap = of(func(s sample) int64 { return s.heap })
	m.goroutines = int(of(func(s sample) int64 { return int64(s.goroutines) }))
	m.fds = int(of(func(s sample) int64 { return int64(s.fds) }))
	return m
}

// judge complains of what grew.
func (g growthBounds) judge(complain func(string, ...any), early, late sample) {
	more := int64(late.made - early.made)
	if most := early.rss + g.memory + more*g.otpMemory; late.rss > most {
		complain("memory grew from %d to %d MiB over %d OTPs", early.rss>>20, late.rss>>20, more)
	}
	if most := early.disk + g.disk + more*g.otpDisk; late.disk > most {
		complain("the store grew from %d to %d MiB over %d OTPs", early.disk>>20, late.disk>>20, more)
	}
	if late.goroutines > early.goroutines+g.goroutines {
		complain("goroutines grew from %d to %d", early.goroutines, late.goroutines)
	}
	if late.fds > early.fds+g.fds {
		complain("descriptors grew from %d to %d", early.fds, late.fds)
	}
}

// TestJudgeSoak: each figure that grows is told, and none that is flat, or in a short run grows as the OTPs
// do.
func TestJudgeSoak(t *testing.T) {
	base := sample{made: 1000, rss: 100 << 20, disk: 10 << 20, goroutines: 100, fds: 30}
	for name, tt := range map[string]struct {
		bounds growthBounds
		change func(*sample)
		want   int
	}{
		"flat":            {flat, func(*sample) {}, 0},
		"with OTPs":       {flat, func(s *sample) { s.made, s.rss, s.disk = 101_000, s.rss+100_000*4<<10, s.disk+100_000*4<<10 }, 2},
		"with OTPs early": {minute, func(s *sample) { s.made, s.rss, s.disk = 101_000, s.rss+100_000*4<<10, s.disk+100_000*4<<10 }, 0},
		"memory":          {flat, func(s *sample) { s.rss += 65 << 20 }, 1},
		"disk":            {flat, func(s *sample) { s.disk += 65 << 20 }, 1},
		"goroutines":      {flat, func(s *sample) { s.goroutines += 61 }, 1},
		"descriptors":     {flat, func(s *sample) { s.fds += 41 }, 1},
	} {
		late, n := base, 0
		tt.change(&late)
		if tt.bounds.judge(func(string, ...any) { n++ }, base, late); n != tt.want {
			t.Errorf("%s: %d complaints, want %d", name, n, tt.want)
		}
	}
}
