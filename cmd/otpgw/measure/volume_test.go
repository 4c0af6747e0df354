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
	fill, rate          figures       // while it is filled, and at full rate there
	paced               figures       // at 500 a second there
	rss                 int64         // once nothing is to do
	disk                int64         // bytes of the data directory
	cleanStart, crashed time.Duration // until it is ready, after a stop and after kill -9
}

// TestVolume fills a store with OTPs that are pending, sent and delivered, and says what that takes: `make volume`, for 300,000
// or those of VOLUME, which may be several, by commas.
func TestVolume(t *testing.T) {
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
				"  memory        %d MiB at rest, %.0f MiB at most; %.2f KiB an OTP at rest\n"+
				"  disk          %d MiB, %.2f KiB an OTP\n"+
				"  ready         %s after a stop, %s after kill -9\n"+
				"  at full rate  %s\n"+
				"  at 500/s      %s",
				r.pending, r.fill.Rate, r.rss>>20, r.fill.RSS, kib(r.rss, n), r.disk>>20, kib(r.disk, n),
				r.cleanStart.Round(10*time.Millisecond), r.crashed.Round(10*time.Millisecond), r.rate, r.paced)
		})
	}
}

func kib(bytes int64, n int) float64 { return float64(bytes) / 1024 / float64(n) }

// volume makes n pending OTPs, and measures with count more.
func volume(t *testing.T, program string, n, count int) (v volumeRow) {
	lines := processtest.NewLines()
	smsc := processtest.StartRole(t, "neutral", time.Duration(0), lines.Add)
	defer smsc.End(most)
	env := make(map[string]string)
	addLinks(env, 1, 100, lines.Next(t, smsc, most))
	dir := t.TempDir()
	start := func() (*processtest.Daemon, *running, time.Duration) {
		began := time.Now()
		d := startDaemon(t, program, dir, env)
		took := time.Since(began)
		lines.Next(t, smsc, most) // bound
		return d, &running{api: []string{d.HTTP}, pids: []int{d.Pid()}}, took
	}
	d, r, _ := start()
	v.pending = n
	v.fill = r.load(t, loadPlan{API: r.api, Count: n})
	u, err := d.Usage()
	if err != nil {
		t.Fatal(err)
	}
	v.rss = u.RSS
	v.rate = r.load(t, loadPlan{API: r.api, First: n, Count: count})
	v.paced = r.load(t, loadPlan{API: r.api, First: n + count, Count: count, PerSecond: 500})
	v.disk = diskOf(t, dir)
	if status := d.Terminate(most); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
	d, _, v.cleanStart = start()
	d.Kill()
	d, r, v.crashed = start()
	r.load(t, loadPlan{API: r.api, First: n + 2*count, Count: count}) // and it works
	if status := d.Terminate(most); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
	return v
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
