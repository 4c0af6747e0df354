package measure

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
)

// volumeRow is what a store with so many pending OTPs takes.
type volumeRow struct {
	pending             int
	few, rate           figures       // at full rate: with volumeFew pending, and with all
	fill, paced         figures       // while it is filled; at 500 a second with all
	rss, rssPaced       int64         // once nothing is to do; at most at 500 a second
	disk                int64         // bytes of the data directory
	cleanStart, crashed time.Duration // until it is ready, after a stop and after kill -9
}

// volumeFew is how many OTPs are few, volumeRounds how often the full rate is measured, with few and with all:
// one takes a second or two, in which a machine may have other work.
const (
	volumeFew    = 25_000
	volumeRounds = 3
)

// TestVolume fills a store with OTPs that are pending, sent and delivered, and says what that takes: `make
// volume`, for 300,000 or those of VOLUME, which may be several, by commas; VOLUME_MEMORY is the daemon's
// OTPGW_MEMORY.
func TestVolume(t *testing.T) {
	t.Parallel()
	text, count := "500", 200
	if asked("volume") {
		text, count = "300000", 10_000
		if v := os.Getenv("VOLUME"); v != "" {
			text = v
		}
	}
	program := processtest.BuildDaemon(t)
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			t.Fatalf("VOLUME: %q is no number of OTPs", word)
		}
		t.Run(word, func(t *testing.T) {
			r := volume(t, program, n, count)
			t.Logf("%d pending OTPs, filled with %.0f/s\n"+
				"  memory        %d MiB at rest, %d MiB at most at 500/s, %.0f MiB at most at full rate; %.2f KiB an OTP at rest\n"+
				"  disk          %d MiB, %.2f KiB an OTP\n"+
				"  ready         %s after a stop, %s after kill -9\n"+
				"  at full rate  %s; %.2f of the rate with few\n"+
				"  with few      %s\n"+
				"  at 500/s      %s",
				r.pending, r.fill.Rate, r.rss>>20, r.rssPaced>>20, r.rate.RSS, kib(r.rss, r.pending), r.disk>>20, kib(r.disk, r.pending),
				r.cleanStart.Round(10*time.Millisecond), r.crashed.Round(10*time.Millisecond), r.rate, r.rate.Rate/r.few.Rate, r.few, r.paced)
		})
	}
}

func kib(bytes int64, n int) float64 { return float64(bytes) / 1024 / float64(n) }

// volume makes n pending OTPs, and measures with count of them at a time.
func volume(t *testing.T, program string, n, count int) (v volumeRow) {
	lines := processtest.NewLines()
	smsc := processtest.StartRole(t, "neutral", time.Duration(0), lines.Add)
	defer smsc.End(most)
	env := make(map[string]string)
	addLinks(env, 1, 100, lines.Next(t, smsc, most))
	if memory := os.Getenv("VOLUME_MEMORY"); memory != "" {
		env["OTPGW_MEMORY"] = memory
	}
	dir := t.TempDir()
	start := func() (*processtest.Daemon, *running, time.Duration) {
		began := time.Now()
		d := startDaemon(t, program, dir, env)
		took := time.Since(began)
		lines.Next(t, smsc, most) // bound
		return d, &running{api: []string{d.HTTP}, pids: []int{d.Pid()}}, took
	}
	d, r, _ := start()
	next := 0
	load := func(count, perSecond int) figures {
		next += count
		return r.load(t, loadPlan{API: r.api, First: next - count, Count: count, PerSecond: perSecond})
	}
	count = min(count, n/10)
	full := func() figures {
		var runs []figures
		for range volumeRounds {
			runs = append(runs, load(count, 0))
			t.Logf("with %d: %s", next, runs[len(runs)-1])
		}
		return median(runs)
	}
	load(max(1, min(volumeFew, n/2)-volumeRounds*count), 0)
	v.few = full()
	v.fill = load(max(1, n-next-(1+volumeRounds)*count), 0)
	v.rss, _ = rssDuring(t, d, func() {})
	_, v.rssPaced = rssDuring(t, d, func() { v.paced = load(count, 500) })
	v.rate = full()
	v.pending = next
	v.disk = diskOf(t, dir)
	if status := d.Terminate(most); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
	d, _, v.cleanStart = start()
	d.Kill()
	d, r, v.crashed = start()
	load(count, 0) // and it works
	if status := d.Terminate(most); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
	return v
}

// rssDuring is the resident memory before and, at most, while f runs.
func rssDuring(t *testing.T, d *processtest.Daemon, f func()) (before, peak int64) {
	t.Helper()
	sample := func() {
		if u, err := d.Usage(); err == nil {
			peak = max(peak, u.RSS)
		}
	}
	sample()
	before = peak
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return before, peak
		case <-tick.C:
			sample()
		}
	}
}

// diskOf sums up the files of a directory.
func diskOf(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return skipGone(err)
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return skipGone(err)
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// skipGone: a file that the daemon deletes meanwhile is none.
func skipGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
