package measure

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
)

// endedSlice is how many OTPs are asked for before those are verified.
const endedSlice = 20_000

// TestEnded makes OTPs that are delivered and verified, and says what one takes from then to the end of its
// retention, by bucket, and what 1,000 of them a second need: `make ended`, for 100,000 or those of ENDED;
// ENDED_MEMORY is the daemon's OTPGW_MEMORY in MiB.
func TestEnded(t *testing.T) {
	t.Parallel()
	n := 400
	if asked("ended") {
		n = setting(t, "ENDED", 100_000)
	}
	lines := processtest.NewLines()
	smsc := processtest.StartRole(t, "neutral", time.Duration(0), lines.Add)
	defer smsc.End(most)
	env := map[string]string{"OTPGW_APP_SHOP_OWN_PIN": "yes", "OTPGW_MEMORY": os.Getenv("ENDED_MEMORY")}
	addLinks(env, 1, 100, lines.Next(t, smsc, most))
	dir := t.TempDir()
	d := startDaemon(t, processtest.BuildDaemon(t), dir, env)
	lines.Next(t, smsc, most) // bound
	r := &running{api: []string{d.HTTP}, pids: []int{d.Pid()}}
	r.load(t, loadPlan{API: r.api, Count: warmUp, First: warmUpFrom, Verify: true})
	before, rssBefore := storeOf(t, d), rssOf(t, d)
	var last figures
	for first := 0; first < n; first += endedSlice {
		last = r.load(t, loadPlan{API: r.api, First: first, Count: min(endedSlice, n-first), Verify: true})
	}
	if asked("ended") {
		settle(t, d)
	}
	after, rss, disk := storeOf(t, d), rssOf(t, d), diskOf(t, dir)
	t.Logf("%d OTPs that were delivered and verified; the last ones: %s\n%s", n, last, endedTable(before, after, n))
	file := int64(after[stateFile][1])
	t.Logf("the process: %d MiB before, %d MiB after; the store: %d MiB, %.0f octets each; the file of what left the memory: %d MiB, %.0f octets each",
		rssBefore>>20, rss>>20, disk>>20, float64(disk)/float64(n), file>>20, float64(file)/float64(n))
	each := 0.0
	for _, name := range []string{"otp", "receipt"} {
		each += (after[name][1] - before[name][1]) / float64(n)
	}
	t.Logf("1,000 a second need %.2f GiB of memory and %.1f GiB of disk for an hour of retention", each*3.6e6/(1<<30), float64(disk+file)/float64(n)*3.6e6/(1<<30))
	if status := d.Terminate(most); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
}

// settle waits until no more records leave the memory.
func settle(t *testing.T, d *processtest.Daemon) {
	t.Helper()
	const look, still = 2 * time.Second, 40 // looks
	last, same := 0.0, 0
	for same < still {
		time.Sleep(look)
		if now := storeOf(t, d)["otp"][1]; now == last {
			same++
		} else {
			last, same = now, 0
		}
	}
}

// stateFile is the name under which storeOf has the file of what left the memory.
const stateFile = "FILE"

func rssOf(t *testing.T, d *processtest.Daemon) int64 {
	t.Helper()
	u, err := d.Usage()
	if err != nil {
		t.Fatal(err)
	}
	return u.RSS
}

// storeOf reads how full buckets are from a daemon's metrics, by name.
func storeOf(t *testing.T, d *processtest.Daemon) map[string][2]float64 {
	t.Helper()
	resp, err := http.Get(d.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	fill := make(map[string][2]float64)
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "otpgw_state_file_bytes "); ok {
			v, _ := strconv.ParseFloat(text, 64)
			fill[stateFile] = [2]float64{0, v}
		}
		head, value, _ := strings.Cut(lines.Text(), "} ")
		family, name, _ := strings.Cut(head, `{stream="`)
		i := slices.Index([]string{"otpgw_store_messages", "otpgw_store_bytes"}, family)
		v, err := strconv.ParseFloat(value, 64)
		if i < 0 || err != nil {
			continue
		}
		one := fill[strings.TrimSuffix(name, `"`)]
		one[i] = v
		fill[strings.TrimSuffix(name, `"`)] = one
	}
	return fill
}

// endedTable is what was added to each bucket of the log's memory.
func endedTable(before, after map[string][2]float64, n int) string {
	var names []string
	for name := range after {
		if name == strings.ToLower(name) { // the streams of NATS, which are on disk, have capitals
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	sum := 0.0
	for _, name := range names {
		keys, bytes := after[name][0]-before[name][0], after[name][1]-before[name][1]
		if keys > 0 {
			sum += bytes
			fmt.Fprintf(&b, "  %-10s %9s keys, %6.1f octets each, %6.1f an OTP\n", name, strconv.FormatFloat(keys, 'f', 0, 64), bytes/keys, bytes/float64(n))
		}
	}
	fmt.Fprintf(&b, "  together %.1f octets an OTP\n", sum/float64(n))
	return b.String()
}
