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
			judgeGuesses(t, n, maxAttempts, codes)
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

// unsure is the code of a guess of which nobody knows what became of it: the store did not answer.
const unsure = 1010

// judgeGuesses looks at guesses on one OTP by what they were answered, 0 for VERIFIED: one is right at most,
// and no more than the attempts are compared with the PIN, or told anything of it. Each attempt is compared
// while none was right, unless a guess was answered 503: the store may have counted it after that, and then
// it has used up an attempt without being looked at.
func judgeGuesses(t *testing.T, evaluated, attempts int, codes map[int]int) {
	t.Helper()
	if evaluated > attempts || codes[0] == 0 && codes[unsure] == 0 && evaluated < attempts {
		t.Errorf("%d guesses were evaluated of %d attempts, %d were right, %d met no store", evaluated, attempts, codes[0], codes[unsure])
	}
	if codes[0] > 1 {
		t.Errorf("%d guesses were told VERIFIED", codes[0])
	}
	if told := codes[2029] + codes[2027] + codes[0]; told > evaluated {
		t.Errorf("%d answers tell something of the PIN, and %d guesses were evaluated: %v", told, evaluated, codes)
	}
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
