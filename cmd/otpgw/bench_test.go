package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// BenchmarkEndToEnd measures the whole way, from POST /otp to the dlr_update callback, with the daemon, the
// simulator and the load in processes of their own. "full" posts as fast as answers come; "rate200" posts 200
// a second.
func BenchmarkEndToEnd(b *testing.B) {
	b.Run("full", func(b *testing.B) { endToEnd(b, loadPlan{Count: 20000, Workers: 64}) })
	b.Run("rate200", func(b *testing.B) { endToEnd(b, loadPlan{Count: 2000, Workers: 64, PerSecond: 200}) })
}

// loadPlan is what the load process is to do.
type loadPlan struct {
	API       string `json:"api"`
	Count     int    `json:"count"`
	Workers   int    `json:"workers"`
	PerSecond int    `json:"perSecond"` // 0: as fast as answers come
}

// loadResult is what it measured.
type loadResult struct {
	Seconds float64 `json:"seconds"` // from the first request to the last callback
	P50     float64 `json:"p50"`     // ms from request to callback
	P99     float64 `json:"p99"`
	Refused int     `json:"refused"` // answers other than 201
}

func endToEnd(b *testing.B, plan loadPlan) {
	for range b.N {
		sim := startBenchProcess(b, "smsc", "")
		addr := sim.line(b)
		d := startDaemon(b, env(b.TempDir(), addr, map[string]string{"OTPGW_LOG_LEVEL": "info", "OTPGW_LINK_CARRIER_WINDOW": "100",
			"OTPGW_APP_SHOP_MAX_ATTEMPTS": "3"}))
		plan.API = d.HTTP
		text, err := json.Marshal(plan)
		if err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		load := startBenchProcess(b, "load", string(text))
		var r loadResult
		if err := json.Unmarshal([]byte(load.line(b)), &r); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		loadCPU := load.end(b)
		if code := d.stop(); code != 0 {
			b.Fatalf("exit status %d\n%s", code, d.stderr)
		}
		simCPU := sim.end(b)
		if r.Refused > 0 {
			b.Errorf("%d requests were refused", r.Refused)
		}
		per := func(cpu time.Duration) float64 { return float64(cpu.Microseconds()) / float64(plan.Count) }
		b.ReportMetric(float64(plan.Count)/r.Seconds, "otp/s")
		b.ReportMetric(r.P50, "p50-ms")
		b.ReportMetric(r.P99, "p99-ms")
		b.ReportMetric(per(d.State().UserTime()+d.State().SystemTime()), "cpu-µs/otp")
		b.ReportMetric(per(loadCPU), "load-cpu-µs/otp")
		b.ReportMetric(per(simCPU), "smsc-cpu-µs/otp")
		b.ReportMetric(0, "ns/op")
	}
}

// benchChild is a process of the benchmark: it prints a line when it has something to say, and ends when
// stdin does.
type benchChild struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

func startBenchProcess(b *testing.B, mode, plan string) *benchChild {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), processMode+"="+mode, "OTPGW_TEST_PLAN="+plan)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill() })
	return &benchChild{cmd, stdin, bufio.NewReader(stdout)}
}

func (c *benchChild) line(b *testing.B) string {
	b.Helper()
	s, err := c.out.ReadString('\n')
	if err != nil {
		b.Fatalf("the process said nothing: %v", err)
	}
	return strings.TrimSpace(s)
}

// end ends the process and returns the CPU it used.
func (c *benchChild) end(b *testing.B) time.Duration {
	b.Helper()
	c.stdin.Close()
	if err := c.cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
}

// benchProcess is the simulator or the load.
func benchProcess(mode string) {
	var err error
	switch mode {
	case "smsc":
		err = benchSMSC()
	case "load":
		err = benchLoad(os.Getenv("OTPGW_TEST_PLAN"))
	default:
		err = fmt.Errorf("no such process: %q", mode)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func benchSMSC() error {
	s, err := smsc.Start(smsc.Config{Keep: 1000, NoMagic: true})
	if err != nil {
		return err
	}
	fmt.Println(s.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Close(ctx)
}

// loadRun posts OTPs and times their callbacks. An OTP is known by its trackId, which holds its number.
type loadRun struct {
	plan    loadPlan
	client  *http.Client
	url     string
	began   []time.Time
	took    []atomic.Int64 // ns from request to callback
	left    atomic.Int64
	refused atomic.Int64
	done    chan struct{}
}

func benchLoad(text string) error {
	var plan loadPlan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return err
	}
	l := &loadRun{plan: plan, began: make([]time.Time, plan.Count), took: make([]atomic.Int64, plan.Count), done: make(chan struct{}),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: plan.Workers}, Timeout: time.Minute}}
	l.left.Store(int64(plan.Count))
	receiver := httptest.NewServer(http.HandlerFunc(l.callback))
	defer receiver.Close()
	l.url = receiver.URL
	began := time.Now()
	l.post()
	select {
	case <-l.done:
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("%d callbacks never came", l.left.Load())
	}
	r := loadResult{Seconds: time.Since(began).Seconds(), Refused: int(l.refused.Load())}
	times := make([]int64, plan.Count)
	for i := range times {
		times[i] = l.took[i].Load()
	}
	slices.Sort(times)
	r.P50, r.P99 = float64(times[len(times)/2])/1e6, float64(times[len(times)*99/100])/1e6
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

func (l *loadRun) post() {
	work := make(chan int, l.plan.Count)
	var workers sync.WaitGroup
	for range l.plan.Workers {
		workers.Go(func() {
			for i := range work {
				l.one(i)
			}
		})
	}
	began := time.Now()
	for i := range l.plan.Count {
		if l.plan.PerSecond > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(l.plan.PerSecond)))) // the pace of the load
		}
		work <- i
	}
	close(work)
	workers.Wait()
}

func (l *loadRun) one(i int) {
	body := fmt.Sprintf(`{"phoneNumber":"+4670%07d","trackId":"00000000-0000-4000-8000-%012x","otpCallbackUrl":%q}`, i, i, l.url)
	l.began[i] = time.Now()
	a, err := call(l.client, "POST", l.plan.API+"/otp", body)
	if err != nil || a.status != http.StatusCreated {
		l.refused.Add(1)
		l.finish(i)
	}
}

func (l *loadRun) finish(i int) {
	if l.took[i].CompareAndSwap(0, int64(time.Since(l.began[i]))) && l.left.Add(-1) == 0 {
		close(l.done)
	}
}

func (l *loadRun) callback(w http.ResponseWriter, req *http.Request) {
	var cb struct {
		Event string
		Data  []struct{ Status, TrackData string }
	}
	if err := json.NewDecoder(req.Body).Decode(&cb); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, item := range cb.Data {
		if cb.Event != "dlr_update" || item.Status != "DELIVERED" || len(item.TrackData) != 36 {
			continue
		}
		if i, err := strconv.ParseUint(item.TrackData[24:], 16, 32); err == nil && int(i) < l.plan.Count {
			l.finish(int(i))
		}
	}
}
