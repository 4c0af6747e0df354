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
			wrong := otherThan(m.Code)
			g := newGuesser(t, daemons, o.OtpID)
			g.atOnce(1000, func(i int) {
				if tc.right > 0 && i%tc.right == tc.right-1 {
					g.guess(i, m.Code)
				} else {
					g.guess(i, wrong)
				}
			})
			unsure := g.judge(maxAttempts)
			var after struct{ Status string }
			mustCall(t, c, "GET", daemons[1].HTTP+"/otp/"+o.OtpID, "", 200).json(t, &after)
			if tc.wantStatus != "" && after.Status != tc.wantStatus && !(tc.right > 0 && after.Status == "FAILED") {
				t.Errorf("status %s", after.Status)
			}
			if told := g.codes[right] == 1; (after.Status == "VERIFIED") != told && (told || unsure == 0) {
				t.Errorf("status %s, %d guesses were told VERIFIED", after.Status, g.codes[right])
			}
		})
	}
	for _, d := range daemons {
		if code := d.stop(); code != 0 {
			t.Errorf("exit status %d", code)
		}
	}
}

// What a guess is answered, by error code.
const (
	right       = 0
	wrongPIN    = 2029
	lastAttempt = 2027
)

// guesser makes guesses on one OTP over several daemons, and counts what they are answered.
type guesser struct {
	t       *testing.T
	c       *http.Client
	patient patient // of c
	daemons []*process
	id      string

	evaluated, busy int // by the daemons' metrics, before the first guess

	mu    sync.Mutex
	codes map[int]int
}

func newGuesser(t *testing.T, daemons []*process, id string) *guesser {
	t.Helper()
	// As many connections as the daemons answer at once on a small machine: one that waits for its first byte
	// is cut off.
	c := client(t)
	p := c.Transport.(patient)
	p.MaxConnsPerHost = 128
	c.Timeout = 4 * testTimeout
	g := &guesser{t: t, c: c, patient: p, daemons: daemons, id: id, codes: make(map[int]int)}
	g.evaluated, g.busy = g.counted()
	return g
}

// atOnce makes n guesses at once, and returns when all are answered.
func (g *guesser) atOnce(n int, guess func(i int)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			guess(i)
		})
	}
	close(start)
	all.Wait()
}

// guess asks the nth daemon, again and again while that is busy, or has no store for a moment.
func (g *guesser) guess(n int, pin string) {
	a, err := call(g.c, "POST", g.daemons[n%len(g.daemons)].HTTP+"/otp/"+g.id, `{"pin":"`+pin+`"}`)
	if err != nil {
		g.t.Error(err)
		return
	}
	if a.status != http.StatusOK && a.status != http.StatusBadRequest {
		g.t.Errorf("status %d: %s", a.status, a.body)
	}
	var e struct{ Error struct{ Code int } }
	a.json(g.t, &e)
	g.mu.Lock()
	g.codes[e.Error.Code]++
	g.mu.Unlock()
}

// otherThan is a code of the same form that is not the right one.
func otherThan(code string) string {
	if wrong := "0" + code[1:]; wrong != code {
		return wrong
	}
	return "1" + code[1:]
}

// judge looks at what the guesses were answered: one is right at most, and no more than the attempts are
// compared with the PIN, or told anything of it. Each attempt is compared while none was right, unless the
// store did not answer a guess that was begun: it may have been counted after that, and then has used up an
// attempt without being looked at. unsure is how many such guesses there were.
func (g *guesser) judge(attempts int) (unsure int) {
	g.t.Helper()
	evaluated, busy := g.counted()
	evaluated, busy = evaluated-g.evaluated, busy-g.busy
	refused := int(g.patient.repeated.Load())
	g.t.Logf("evaluated %d guesses, maxAttempts %d; %d refused, of which %d waited too long to be begun; answers by code: %v",
		evaluated, attempts, refused, busy, g.codes)
	unsure = refused - busy
	if evaluated > attempts || g.codes[right] == 0 && unsure == 0 && evaluated < attempts {
		g.t.Errorf("%d guesses were evaluated of %d attempts, %d were right, %d met no store", evaluated, attempts, g.codes[right], unsure)
	}
	if g.codes[right] > 1 {
		g.t.Errorf("%d guesses were told VERIFIED", g.codes[right])
	}
	if told := g.codes[wrongPIN] + g.codes[lastAttempt] + g.codes[right]; told > evaluated {
		g.t.Errorf("%d answers tell something of the PIN, and %d guesses were evaluated: %v", told, evaluated, g.codes)
	}
	return unsure
}

// counted reads from the daemons' metrics how many guesses were compared with a PIN, and how many requests
// were refused before they were begun.
func (g *guesser) counted() (evaluated, busy int) {
	g.t.Helper()
	for _, d := range g.daemons {
		found := 0
		sc := bufio.NewScanner(strings.NewReader(string(mustCall(g.t, g.c, "GET", d.Admin+"/metrics", "", 200).body)))
		for sc.Scan() {
			var n int
			if _, err := fmt.Sscanf(sc.Text(), "otpgw_otp_guesses_evaluated_total %d", &n); err == nil {
				evaluated, found = evaluated+n, found+1
			}
			if _, err := fmt.Sscanf(sc.Text(), `otpgw_http_requests_not_begun_total{reason="busy"} %d`, &n); err == nil {
				busy, found = busy+n, found+1
			}
		}
		if found != 2 {
			g.t.Fatal("the metrics do not tell how many guesses were evaluated, and how many not begun")
		}
	}
	return evaluated, busy
}
