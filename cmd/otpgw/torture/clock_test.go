package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// lifeOfPIN is the shortest that the API has.
const lifeOfPIN = time.Minute

// TestClockIsSet: the clock of a daemon's machine is set back an hour or ahead a day while it runs, or says
// 1970 at its start. Links are asked for a sign of life all the while, a PIN lives as long as it should, its
// end is told, and /readyz, a metric and the log tell of the clock. The three run side by side, for each
// takes the minute of a PIN.
func TestClockIsSet(t *testing.T) {
	t.Parallel()
	program := processtest.BuildDaemon(t)
	for name, c := range map[string]struct{ start, then time.Duration }{
		"back an hour": {0, -time.Hour},
		"ahead a day":  {0, 24 * time.Hour},
		"from 1970":    {-time.Duration(time.Now().Unix()) * time.Second, -time.Duration(time.Now().Unix()) * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := processtest.NewClock(t)
			clock.Set(c.start)
			m := newWrongMachine(t, program, clock)
			m.post(t)
			clock.Set(c.then)
			asked := len(m.carrier.PDUs(smsc.PDUFilter{Command: "enquire_link"}))
			m.hears(t, "EXPIRED", lifeOfPIN+40*time.Second)
			if took := time.Since(m.posted); took < lifeOfPIN-2*time.Second {
				t.Errorf("the PIN ended after %s", took)
			}
			if n := len(m.carrier.PDUs(smsc.PDUFilter{Command: "enquire_link"})) - asked; n < 10 { // of 60
				t.Errorf("the link was asked for a sign of life %d times in a minute, where once a second is set", n)
			}
			if c.start == c.then {
				return // the store has begun with that clock, and has no other to tell it from
			}
			m.tells(t, c.then)
		})
	}
}

// wrongMachine is a daemon with a wrong clock, and whom it works with.
type wrongMachine struct {
	carrier *smsc.Server
	daemon  *processtest.Daemon
	told    chan string // status of otp_update
	posted  time.Time

	mu  sync.Mutex
	log strings.Builder
}

func newWrongMachine(t *testing.T, program string, clock *processtest.Clock) *wrongMachine {
	m := &wrongMachine{told: make(chan string, 100)}
	var err error
	if m.carrier, err = smsc.Start(smsc.Config{NoMagic: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = m.carrier.Close(closing) // a daemon that was killed answers no unbind
	})
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		for _, c := range changesIn(body) {
			if c.Event == "otp_update" {
				m.told <- c.Status
			}
		}
	}))
	t.Cleanup(receiver.Close)
	m.daemon, err = processtest.StartDaemon(t, program, map[string]string{
		"OTPGW_HTTP_ADDR": "127.0.0.1:0", "OTPGW_ADMIN_ADDR": "127.0.0.1:0", "OTPGW_LOG_FORMAT": "json", "OTPGW_DATA_DIR": t.TempDir(),
		"OTPGW_APPS": "shop", "OTPGW_APP_SHOP_API_KEYS": apiKey, "OTPGW_APP_SHOP_SENDERS": "Verify",
		"OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL, "OTPGW_CALLBACK_ALLOW": "127.0.0.0/8",
		"OTPGW_LINKS": "carrier", "OTPGW_LINK_CARRIER_ADDR": m.carrier.Addr(), "OTPGW_LINK_CARRIER_SYSTEM_ID": "acc",
		"OTPGW_LINK_CARRIER_PASSWORD": "secret", "OTPGW_LINK_CARRIER_ENQUIRE_LINK": "1s", processtest.ClockVariable: clock.Value(),
	}, func(line string) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.log.WriteString(line + "\n")
	}, startTimeout)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// get asks for a page of the operator's port, or of the API.
func (m *wrongMachine) get(t *testing.T, method, url, body string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-KEY", apiKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s: %d %s, %v", url, resp.StatusCode, text, err)
	}
	return text
}

func (m *wrongMachine) post(t *testing.T) {
	t.Helper()
	m.posted = time.Now()
	m.get(t, "POST", m.daemon.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":"+46700000001","ttl":%d}`, int(lifeOfPIN.Seconds())))
}

// hears waits for a callback of the OTP's state.
func (m *wrongMachine) hears(t *testing.T, status string, most time.Duration) {
	t.Helper()
	deadline := time.After(most)
	for {
		select {
		case got := <-m.told:
			if got == status {
				return
			}
		case <-deadline:
			t.Fatalf("%s was not told in %s", status, most)
		}
	}
}

// tells sees that the clock is told of.
func (m *wrongMachine) tells(t *testing.T, ahead time.Duration) {
	t.Helper()
	var ready struct{ ClockSkewSeconds float64 }
	if err := json.Unmarshal(m.get(t, "GET", m.daemon.Admin+"/readyz", ""), &ready); err != nil || math.Abs(ready.ClockSkewSeconds-ahead.Seconds()) > 5 {
		t.Errorf("readyz says that the clock is off by %v s, it is by %v; %v", ready.ClockSkewSeconds, ahead.Seconds(), err)
	}
	var skew float64
	for line := range strings.Lines(string(m.get(t, "GET", m.daemon.Admin+"/metrics", ""))) {
		if rest, ok := strings.CutPrefix(line, "otpgw_clock_skew_seconds "); ok {
			_, _ = fmt.Sscan(rest, &skew)
		}
	}
	if math.Abs(skew-ahead.Seconds()) > 5 {
		t.Errorf("the metric says that the clock is off by %v s", skew)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !strings.Contains(m.log.String(), "the clock of this machine and the store's are apart") {
		t.Error("the log does not tell that the clock was set")
	}
}
