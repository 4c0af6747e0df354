package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// testDescriptors names the variable with a daemon's limit of descriptors, which ulimit -n sets.
const testDescriptors = "TEST_DESCRIPTORS"

func limitDescriptors(limit string) {
	n, err := strconv.ParseUint(limit, 10, 64)
	if err != nil {
		return
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n / 2, Max: n}); err != nil {
		panic(err)
	}
}

// TestDescriptorsRunOut: with a limit of 1024 descriptors, 1,200 strangers open connections and keep them.
// The store keeps what it needs, a caller with a key is answered all the while, and so it is when they are
// gone.
func TestDescriptorsRunOut(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{testDescriptors: "1024"}))
	addr := strings.TrimPrefix(d.HTTP, "http://")
	c := client(t)
	var kept []net.Conn
	for n := range 1200 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("stranger %d: %v", n, err)
		}
		kept = append(kept, conn)
		if n%100 == 0 {
			mustCall(t, c, "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(n)), 201)
			c.CloseIdleConnections() // the next call comes on a new connection
		}
	}
	mustBeReady(t, c, d.Admin)
	for _, conn := range kept {
		conn.Close()
	}
	for n := range 20 {
		mustCall(t, c, "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(2000+n)), 201)
	}
	mustBeReady(t, c, d.Admin)
	if out := d.stderr.String(); strings.Contains(out, "too many open files") {
		t.Error("descriptors ran out")
	}
}

// TestCallersThatHangUp: 64 callers post with a valid key and hang up at once, again and again. The good
// caller is answered in time, and the daemon's memory stays what it is for; both for its own application and
// for another's.
func TestCallersThatHangUp(t *testing.T) {
	sim := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_APPS": "shop,bulk", "OTPGW_APP_BULK_API_KEYS": "bulk-key", "OTPGW_APP_BULK_SENDERS": "Verify",
		"OTPGW_APP_SHOP_SEND_LIMITS": "off", "OTPGW_APP_BULK_SEND_LIMITS": "off",
	}))
	addr := strings.TrimPrefix(d.HTTP, "http://")
	c := hasty(t)
	mustCall(t, client(t), "POST", d.HTTP+"/otp", `{"phoneNumber":"+46700000000"}`, 201)
	stop := make(chan struct{})
	var sent atomic.Int64
	var flood sync.WaitGroup
	for i := range 64 {
		flood.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					continue
				}
				fmt.Fprintf(conn, "POST /otp HTTP/1.1\r\nHost: a\r\nX-API-KEY: %s\r\nContent-Length: 30\r\n\r\n{\"phoneNumber\":\"+46701%06d\"}", []string{"key", "bulk-key"}[i%2], n%1e6)
				conn.Close()
				sent.Add(1)
			}
		})
	}
	var took []time.Duration
	refused := 0
	const least, patience = 3, time.Minute // a disk that stands still for seconds is not the flood's doing
	for begun, at := time.Now(), time.Now(); time.Since(begun) < floodTime() || len(took) < least && time.Since(begun) < patience; {
		a, err := call(c, "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(len(took))))
		switch {
		case err != nil || a.status != http.StatusCreated && (a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == ""):
			t.Fatalf("the good caller: %d %s, %v", a.status, a.body, err)
		case a.status != http.StatusCreated: // its store stood still: the caller comes again, and that is part of its time
			refused++
			continue
		}
		took, at = append(took, time.Since(at)), time.Now()
	}
	memory := residentMiB(t, d)
	close(stop)
	flood.Wait()
	if len(took) == 0 {
		t.Fatalf("no answer for the good caller, %d refusals", refused)
	}
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("%d requests of the flood; the good caller: %d answers, %d refusals, p50 %v, p99 %v; %d MiB", sent.Load(), len(took), refused, p50, p99, memory)
	if len(took) < least || p99 > 10*time.Second { // 100 ms, and a busy machine that runs the flood too
		t.Errorf("%d answers, p99 %v", len(took), p99)
	}
	if most := 800 * raceFactor; memory > most {
		t.Errorf("the daemon holds %d MiB", memory)
	}
}

// floodTime is short in make test; OTPGW_TEST_FLOOD=8s is as it was found.
func floodTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("OTPGW_TEST_FLOOD")); err == nil {
		return d
	}
	return 3 * time.Second
}

// residentMiB is the daemon's memory, as Linux tells it.
func residentMiB(t *testing.T, d *process) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(d.Pid()) + "/status")
	if err != nil {
		t.Logf("memory is not looked at: %v", err)
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		t.Fatal("no VmRSS")
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return n / 1024
}
