package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestParallelGuesses: a thousand guesses at once on two daemons, that share one external NATS server, are
// evaluated exactly maxAttempts times.
func TestParallelGuesses(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	nats := queuetest.External(t)
	shared := map[string]string{
		"OTPGW_NATS_URL": nats, "OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
	}
	daemons := []*process{
		startDaemon(t, env(t.TempDir(), sim.Addr(), shared)),
		startDaemon(t, env(t.TempDir(), sim.Addr(), shared)),
	}
	c := client(t)
	c.Transport.(*http.Transport).MaxConnsPerHost = 128 // more at once than a busy machine answers in time
	cases := []struct {
		name       string
		right      int // every nth guess is the right one; 0: none
		wantStatus string
	}{
		{"all wrong", 0, "FAILED"},
		{"every second right", 2, "VERIFIED"},
		{"one in a hundred right", 100, ""},
	}
	const maxAttempts = 7
	for i, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			to := number(i + 1)
			var o struct{ OtpID string }
			mustCall(t, c, "POST", daemons[0].HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q,"maxAttempts":%d}`, to, maxAttempts), 201).json(t, &o)
			m, err := sim.Wait(t.Context(), to)
			if err != nil {
				t.Fatal(err)
			}
			before := evaluated(t, c, daemons)
			codes := guess(t, c, daemons, o.OtpID, m.Code, tc.right)
			n := evaluated(t, c, daemons) - before
			t.Logf("evaluated %d of 1000 guesses, maxAttempts %d; answers by code (0 is VERIFIED): %v", n, maxAttempts, codes)
			if n > maxAttempts || tc.right == 0 && n != maxAttempts {
				t.Errorf("%d guesses were evaluated, maxAttempts is %d", n, maxAttempts)
			}
			if codes[0] > 1 {
				t.Errorf("%d guesses were told VERIFIED", codes[0])
			}
			if codes[0] == 0 && n != maxAttempts {
				t.Errorf("no guess was right, and %d were evaluated, maxAttempts is %d", n, maxAttempts)
			}
			if codes[2029]+codes[2027]+codes[0] > maxAttempts {
				t.Errorf("more answers that tell something of the PIN than attempts: %v", codes)
			}
			var after struct{ Status string }
			mustCall(t, c, "GET", daemons[1].HTTP+"/otp/"+o.OtpID, "", 200).json(t, &after)
			if tc.wantStatus != "" && after.Status != tc.wantStatus && !(tc.right > 0 && after.Status == "FAILED") {
				t.Errorf("status %s", after.Status)
			}
			if (after.Status == "VERIFIED") != (codes[0] == 1) {
				t.Errorf("status %s, %d guesses were told VERIFIED", after.Status, codes[0])
			}
		})
	}
	for _, d := range daemons {
		if code := d.stop(); code != 0 {
			t.Errorf("exit status %d", code)
		}
	}
}

// guess posts a thousand guesses at once, in turn to each daemon, and counts the answers by error code.
func guess(t *testing.T, c *http.Client, daemons []*process, id, pin string, right int) map[int]int {
	t.Helper()
	wrong := "0" + pin[1:]
	if wrong == pin {
		wrong = "1" + pin[1:]
	}
	var mu sync.Mutex
	codes := make(map[int]int)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			<-start
			g := wrong
			if right > 0 && i%right == right-1 {
				g = pin
			}
			a, err := call(c, "POST", daemons[i%len(daemons)].HTTP+"/otp/"+id, `{"pin":"`+g+`"}`)
			if err != nil {
				t.Error(err)
				return
			}
			var e struct{ Error struct{ Code int } }
			a.json(t, &e)
			if a.status != 200 && a.status != 400 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			mu.Lock()
			codes[e.Error.Code]++
			mu.Unlock()
		})
	}
	close(start)
	all.Wait()
	return codes
}

// evaluated reads from the daemons' metrics how many guesses were compared with a PIN.
func evaluated(t *testing.T, c *http.Client, daemons []*process) int {
	t.Helper()
	sum := 0
	for _, d := range daemons {
		found := false
		sc := bufio.NewScanner(strings.NewReader(string(mustCall(t, c, "GET", d.Admin+"/metrics", "", 200).body)))
		for sc.Scan() {
			var n int
			if _, err := fmt.Sscanf(sc.Text(), "otpgw_otp_guesses_evaluated_total %d", &n); err == nil {
				sum, found = sum+n, true
			}
		}
		if !found {
			t.Fatal("the metrics do not tell how many guesses were evaluated")
		}
	}
	return sum
}
