package torture

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Of TestKilledWhileItJoins: URLs that take nothing, and what each gets before every kill. Three changes of
// each OTP are of two kinds, which no callback has both of: so fewer messages than kindsOfJoin for each URL are
// joint ones.
const (
	joinURLs    = 8
	otpsOfJoin  = 16
	kindsOfJoin = 2
)

// joinWorld is a daemon whose callback URLs are dead.
type joinWorld struct {
	t        *testing.T
	program  string
	env      map[string]string
	daemon   *processtest.Daemon
	load     *load
	ledger   *ledger
	receiver *httptest.Server
	hook     *standardwebhooks.Webhook
	up       atomic.Bool

	mu    sync.Mutex
	taken map[string]int // requests that were answered with 200, by webhook-id
}

// TestKilledWhileItJoins: a daemon is killed, again and again, while the waiting callbacks of dead URLs become
// one message each: when the first have, when half of them, when the last. Once the URLs take callbacks each
// change comes under one webhook-id with one body, once, and none before its turn.
func TestKilledWhileItJoins(t *testing.T) {
	t.Parallel()
	w := newJoinWorld(t)
	start := func() {
		t.Helper()
		d, err := processtest.StartDaemon(t, w.program, w.env, nil, startTimeout)
		if err != nil {
			t.Fatal(err)
		}
		w.daemon, w.load.w.daemons[0].base = d, d.HTTP
	}
	made := 0
	for _, most := range []int{kindsOfJoin*joinURLs - 1, 3 * joinURLs / 2, joinURLs + 1, joinURLs} {
		start()
		w.make(made, joinURLs*otpsOfJoin)
		made += joinURLs * otpsOfJoin
		await.That(t, fmt.Sprintf("the changes of %d OTPs for %d URLs are %d messages at most", made, joinURLs, most),
			func() bool { return w.messages() <= most })
		w.daemon.Kill()
	}
	w.up.Store(true)
	start()
	if !await.Within(startTimeout, func() bool { return w.ledger.owing() == 0 && w.messages() == 0 }) {
		t.Errorf("%d OTPs owe something, %d messages wait", w.ledger.owing(), w.messages())
	}
	w.load.read(w.ledger.open())
	v := w.ledger.judge()
	t.Logf("\n%s", v)
	if over := v.over(); len(over) > 0 || v.values[rowAccepted] != made || v.values[rowVerified] != made {
		t.Errorf("of %d OTPs: over their bounds: %q", made, over)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, times := range w.taken {
		if times != 1 {
			t.Errorf("%s was taken %d times", id, times)
		}
	}
}

func newJoinWorld(t *testing.T) *joinWorld {
	w := &joinWorld{t: t, program: processtest.BuildDaemon(t), ledger: newLedger(), taken: make(map[string]int)}
	var err error
	if w.hook, err = standardwebhooks.NewWebhook(callbackSecret); err != nil {
		t.Fatal(err)
	}
	carrier, err := smsc.Start(smsc.Config{NoMagic: true, KeepPDUs: -1, ReceiptRetry: 200 * time.Millisecond, ReceiptTries: 1000,
		OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
			_, pin, _ := strings.Cut(i.Text, textMark+" ")
			w.ledger.arrive(arrival{strings.TrimPrefix(i.To, "+"), pin, i.Time})
			return smsc.Outcome{Status: wire.StatusOK}
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		_ = carrier.Close(closing) // a daemon that was killed answers no unbind
	})
	w.receiver = httptest.NewServer(w)
	t.Cleanup(w.receiver.Close)
	w.env = map[string]string{
		"OTPGW_HTTP_ADDR": "127.0.0.1:0", "OTPGW_ADMIN_ADDR": "127.0.0.1:0", "OTPGW_LOG_FORMAT": "json", "OTPGW_DATA_DIR": t.TempDir(),
		"OTPGW_NATS_SYNC": "1s", // of kills, not of the power
		"OTPGW_APPS":      "shop", "OTPGW_APP_SHOP_API_KEYS": apiKey, "OTPGW_APP_SHOP_SENDERS": "Verify",
		"OTPGW_APP_SHOP_TEMPLATE": textPattern, "OTPGW_APP_SHOP_PIN_TYPE": "letters", "OTPGW_APP_SHOP_PIN_LENGTH": "10",
		"OTPGW_APP_SHOP_CALLBACK_SECRET": callbackSecret, "OTPGW_CALLBACK_ALLOW": "127.0.0.0/8",
		"OTPGW_LINKS": "carrier", "OTPGW_LINK_CARRIER_ADDR": carrier.Addr(), "OTPGW_LINK_CARRIER_SYSTEM_ID": "acc",
		"OTPGW_LINK_CARRIER_PASSWORD": "secret",
	}
	w.load = newLoad(&world{t: t, set: settings{rate: 1}, ledger: w.ledger, daemons: []*gateway{{}}})
	t.Cleanup(w.load.client.CloseIdleConnections)
	return w
}

// ServeHTTP is the URLs.
func (w *joinWorld) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil { // cut off: it came to nobody
		return
	}
	s := told{WebhookID: r.Header.Get(standardwebhooks.HeaderWebhookID), Body: string(body), Signed: w.hook.Verify(body, r.Header) == nil,
		Marked: strings.Contains(string(body), textMark), Taken: w.up.Load(), Changes: changesIn(body)}
	w.ledger.hear(s)
	if !s.Taken {
		out.WriteHeader(http.StatusBadGateway)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken[s.WebhookID]++
}

// make has OTPs sent, delivered and verified, in this order.
func (w *joinWorld) make(from, n int) {
	w.t.Helper()
	var all sync.WaitGroup
	for worker := range joinURLs {
		all.Go(func() {
			for i := from + worker; i < from+n; i += joinURLs {
				w.one(fmt.Sprintf("4670%07d", i), fmt.Sprintf("%s/%d", w.receiver.URL, worker))
			}
		})
	}
	all.Wait()
}

func (w *joinWorld) one(to, url string) {
	a := w.insist("/otp", fmt.Sprintf(`{"phoneNumber":"+%s","otpCallbackUrl":%q}`, to, url), "join-"+to)
	if a.status != http.StatusCreated {
		w.t.Errorf("POST: %d, %d", a.status, a.code)
		return
	}
	var e *entry
	w.ledger.with(to, func(known *entry) {
		e, known.otpID, known.accepted, known.claimed = known, a.otpID, time.Now(), "PENDING"
	})
	if !await.Within(await.Patience, func() bool { return w.load.ask(0, "GET", "/otp/"+a.otpID, "", "").dlr == "DELIVERED" }) {
		w.t.Errorf("%s was not delivered", to)
		return
	}
	w.ledger.mu.Lock()
	pin := e.pin
	w.ledger.mu.Unlock()
	if g := w.insist("/otp/"+a.otpID, `{"pin":"`+pin+`"}`, ""); g.status != http.StatusOK {
		w.t.Errorf("guess: %d, %d", g.status, g.code)
		return
	}
	w.ledger.with(to, func(e *entry) { e.right, e.claimed = 1, "VERIFIED" })
}

// insist asks again while the daemon is busy, for the disk may stand still.
func (w *joinWorld) insist(path, body, key string) (a reply) {
	await.Within(await.Patience, func() bool {
		a = w.load.ask(0, "POST", path, body, key)
		return a.status != http.StatusServiceUnavailable
	})
	return a
}

// messages is how many there are of callbacks, and of changes that are in none yet.
func (w *joinWorld) messages() int {
	w.t.Helper()
	resp, err := http.Get(w.daemon.Admin + "/metrics")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), `otpgw_store_messages{stream="events"} `); ok {
			n := -1
			if _, err := fmt.Sscan(text, &n); err == nil && n >= 0 {
				return n
			}
		}
	}
	w.t.Fatal("no metric says how many callbacks wait")
	return 0
}
