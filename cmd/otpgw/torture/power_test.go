package torture

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// promise is what one OTP was promised before the power went, and when.
type promise struct {
	id                        string
	accepted, guessed, report time.Time // the 201, a wrong guess that was told, a receipt that was answered; zero: not
}

// forgotten is what of it is not there after the power is back.
type forgotten struct{ otps, guesses, receipts, unsent int }

// TestPowerLoss: the machine of a daemon with an embedded store loses its power, and with it all that was not
// synced to the disk. With OTPGW_NATS_SYNC=always nothing that was promised is forgotten: no 201, no guess,
// no receipt. With an interval it is what was promised within the last few of them, and nothing before; how
// many those were is in the log.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sync  string
		grace time.Duration // what was promised this long before may not be forgotten
	}{
		{"always", 0},
		{"1s", 5 * time.Second},
	} {
		t.Run(tt.sync, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, tt.sync)
			promised := m.work(9 * time.Second)
			m.daemon.Kill()
			cut := time.Now()
			all := m.compare(t, promised, cut)
			kept := make(map[string]*promise)
			for to, p := range promised {
				kept[to] = p.before(cut.Add(-tt.grace))
			}
			owed := m.compare(t, kept, cut)
			t.Logf("%d OTPs were promised; forgotten of all: %+v; of those that count: %+v", len(promised), all, owed)
			if len(promised) < 50 {
				t.Errorf("only %d OTPs were promised: that shows nothing", len(promised))
			}
			if owed != (forgotten{}) {
				t.Errorf("forgotten: %+v", owed)
			}
		})
	}
}

// posters are how many ask at once.
const posters = 4

// arrivalPause is how long nothing may come before the rest is taken for lost.
const arrivalPause = 15 * time.Second

// before is what of a promise was given before a time.
func (p *promise) before(at time.Time) *promise {
	q := *p
	for _, when := range []*time.Time{&q.accepted, &q.guessed, &q.report} {
		if when.After(at) {
			*when = time.Time{}
		}
	}
	return &q
}

// machine is one that loses its power: a daemon, and its disk as it will be afterwards.
type machine struct {
	t       *testing.T
	program string
	env     map[string]string
	carrier *smsc.Server
	daemon  *processtest.Daemon
	after   *processtest.Daemon // once the power is back
	load    *load
	disk    string
}

func newMachine(t *testing.T, sync string) *machine {
	m := &machine{t: t, program: processtest.BuildDaemon(t), disk: filepath.Join(t.TempDir(), "after")}
	var err error
	if m.carrier, err = smsc.Start(smsc.Config{NoMagic: true, Keep: 1_000_000, KeepPDUs: -1,
		ReceiptDelay: 50 * time.Millisecond, ReceiptRetry: 100 * time.Millisecond, ReceiptTries: 1000}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = m.carrier.Close(closing) // a daemon that was killed answers no unbind
	})
	before := filepath.Join(t.TempDir(), "before")
	m.env = map[string]string{
		"OTPGW_HTTP_ADDR": "127.0.0.1:0", "OTPGW_ADMIN_ADDR": "127.0.0.1:0", "OTPGW_LOG_FORMAT": "json", "OTPGW_DATA_DIR": before,
		"OTPGW_NATS_SYNC": sync, "OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
		"OTPGW_APPS": "shop", "OTPGW_APP_SHOP_API_KEYS": apiKey, "OTPGW_APP_SHOP_SENDERS": "Verify",
		"OTPGW_LINKS": "carrier", "OTPGW_LINK_CARRIER_ADDR": m.carrier.Addr(), "OTPGW_LINK_CARRIER_SYSTEM_ID": "acc",
		"OTPGW_LINK_CARRIER_PASSWORD": "secret",
	}
	env := maps.Clone(m.env)
	env[processtest.DiskVariable] = before + "=" + m.disk
	if m.daemon, err = processtest.StartDaemon(t, m.program, env, nil, startTimeout); err != nil {
		t.Fatal(err)
	}
	m.env["OTPGW_DATA_DIR"] = m.disk
	w := &world{t: t, set: settings{rate: 1}, ledger: newLedger(), daemons: []*gateway{{base: m.daemon.HTTP}}}
	m.load = newLoad(w)
	t.Cleanup(m.load.client.CloseIdleConnections)
	return m
}

// work asks for OTPs and guesses wrong, for a time, and returns what was promised. The last requests are
// under way when the power goes.
func (m *machine) work(d time.Duration) map[string]*promise {
	promised := make(map[string]*promise)
	var mu sync.Mutex
	running, stop := context.WithTimeout(m.t.Context(), d)
	defer stop()
	var all sync.WaitGroup
	for worker := range posters {
		all.Go(func() {
			for i := 0; running.Err() == nil; i++ {
				to := fmt.Sprintf("4670%07d", i*posters+worker)
				a := m.load.ask(0, "POST", "/otp", `{"phoneNumber":"+`+to+`","ttl":1800}`, "")
				if a.status != http.StatusCreated {
					continue
				}
				p := &promise{id: a.otpID, accepted: time.Now()}
				if a = m.load.ask(0, "POST", "/otp/"+p.id, `{"pin":"no"}`, ""); a.code == codeWrong {
					p.guessed = time.Now()
				}
				mu.Lock()
				promised[to] = p
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for _, msg := range m.carrier.Messages(smsc.Filter{}) {
		p := promised[strings.TrimPrefix(msg.To, "+")]
		for _, r := range msg.Receipts {
			if p != nil && r.Status == smsc.ReceiptAnswered {
				p.report = r.Answered
			}
		}
	}
	return promised
}

// compare starts the daemon on what is left of the disk, when it does not run yet, and counts what was
// forgotten.
func (m *machine) compare(t *testing.T, promised map[string]*promise, cut time.Time) (f forgotten) {
	t.Helper()
	if m.after == nil {
		var err error
		if m.after, err = processtest.StartDaemon(t, m.program, m.env, nil, startTimeout); err != nil {
			t.Fatal(err)
		}
		m.load.w.daemons[0].base = m.after.HTTP
		m.awaitArrivals(promised)
	}
	arrived := m.arrived()
	for to, p := range promised {
		if p.accepted.IsZero() {
			continue
		}
		a := m.load.ask(0, "GET", "/otp/"+p.id, "", "")
		if a.status != http.StatusOK {
			f.otps++
			continue
		}
		if !p.guessed.IsZero() && a.tries == 0 {
			f.guesses++
		}
		if !p.report.IsZero() && p.report.Before(cut) && a.dlr != "DELIVERED" {
			f.receipts++
		}
		if !arrived[to] {
			f.unsent++
		}
	}
	return f
}

// arrived are the numbers that the carrier has messages for.
func (m *machine) arrived() map[string]bool {
	by := make(map[string]bool)
	for _, msg := range m.carrier.Messages(smsc.Filter{}) {
		by[strings.TrimPrefix(msg.To, "+")] = true
	}
	return by
}

// awaitArrivals waits until all that was promised is at the carrier, or nothing more came for a while.
func (m *machine) awaitArrivals(promised map[string]*promise) {
	for last, since := 0, time.Now(); time.Since(since) < arrivalPause; pause(m.t.Context(), 100*time.Millisecond) {
		n := 0
		for to := range m.arrived() {
			if promised[to] != nil {
				n++
			}
		}
		if n == len(promised) {
			return
		}
		if n > last {
			last, since = n, time.Now()
		}
	}
}
