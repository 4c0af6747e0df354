package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestSlowCallers: callers that send a byte now and then, of the header or of the body, are cut off in time
// and keep nobody else waiting meanwhile.
func TestSlowCallers(t *testing.T) {
	t.Parallel()
	const each = 150
	// What is sent at once; then comes a byte a second.
	openings := map[string]string{
		"request line": "PO",
		"header":       "POST /otp HTTP/1.1\r\nHost: x\r\nX-API-KEY: key\r\nX-Slow: a",
		"body":         "POST /otp HTTP/1.1\r\nHost: x\r\nX-API-KEY: key\r\nContent-Length: 60000\r\n\r\n{",
		"chunked body": "POST /otp HTTP/1.1\r\nHost: x\r\nX-API-KEY: key\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n",
		"form":         "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\na",
		"resend":       "POST /otp/bf325375-e030-4ccb-a009-17317c574773/resend HTTP/1.1\r\nHost: x\r\nX-API-KEY: key\r\nContent-Length: 60000\r\n\r\na",
		"nothing":      "",
	}
	sim := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), nil))
	addr := strings.TrimPrefix(d.HTTP, "http://")
	var mu sync.Mutex
	lasted := make(map[string]time.Duration)
	var all sync.WaitGroup
	for what, opening := range openings {
		for range each / 5 {
			all.Go(func() {
				took := dribble(t, addr, opening)
				mu.Lock()
				defer mu.Unlock()
				lasted[what] = max(lasted[what], took)
			})
		}
	}
	c := client(t)
	slowest := time.Duration(0)
	for n := range 20 {
		begun := time.Now()
		mustCall(t, c, "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(n)), 201)
		slowest = max(slowest, time.Since(begun))
		time.Sleep(100 * time.Millisecond) // a request now and then, for as long as the slow ones last
	}
	all.Wait()
	t.Logf("cut off after %v; the slowest request beside them took %v", lasted, slowest)
	for what, took := range lasted {
		if took > 15*time.Second { // 10 s, and a busy machine
			t.Errorf("%s: lasted %v", what, took)
		}
	}
	if slowest > 5*time.Second {
		t.Errorf("a request beside them took %v", slowest)
	}
}

// dribble is how long a connection lasts on which a byte is sent each second; the answer, if there is one,
// must be an error.
func dribble(t *testing.T, addr, opening string) time.Duration {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	begun := time.Now()
	_, _ = io.WriteString(conn, opening)
	stop := make(chan struct{})
	var writer sync.WaitGroup
	defer writer.Wait()
	defer close(stop)
	writer.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if _, err := io.WriteString(conn, "1"); err != nil {
					return
				}
			}
		}
	})
	_ = conn.SetReadDeadline(begun.Add(testTimeout))
	r := bufio.NewReader(conn)
	if resp, err := http.ReadResponse(r, nil); err == nil {
		if resp.StatusCode < 400 {
			t.Errorf("status %d", resp.StatusCode)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	_, _ = io.Copy(io.Discard, r) // to the end of the connection
	return time.Since(begun)
}
