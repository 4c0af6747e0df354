package torture

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestOneOfTwoClocksIsWrong: two daemons share a store, and the clock of one machine is hours behind or ahead.
// What one of them stores for a time holds at the other for that time: an application's rate is one rate, and
// who is over it is told to come in seconds; a URL that answered 410 is left alone; what a handset wrote is
// taken, and answered.
func TestOneOfTwoClocksIsWrong(t *testing.T) {
	t.Parallel()
	program := processtest.BuildDaemon(t)
	for name, off := range map[string]time.Duration{"behind": -3 * time.Hour, "ahead": 3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPairOfClocks(t, program, off)
			p.ratesAreOne(t)
			p.goneIsGone(t, map[bool]int{true: 1, false: 0}[off < 0])
			p.stopIsAnswered(t)
		})
	}
}

// pairOfClocks is a daemon with a right clock and one with a wrong one.
type pairOfClocks struct {
	carriers [2]*smsc.Server
	daemons  [2]*processtest.Daemon
	posts    atomic.Int32 // to a URL that answers 410

	mu  sync.Mutex
	log strings.Builder
}

func newPairOfClocks(t *testing.T, program string, off time.Duration) *pairOfClocks {
	p := &pairOfClocks{}
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.posts.Add(1)
		w.WriteHeader(http.StatusGone)
	}))
	t.Cleanup(gone.Close)
	url := queuetest.External(t)
	for i, clock := range []time.Duration{0, off} {
		carrier, err := smsc.Start(smsc.Config{NoMagic: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = carrier.Close(closing)
		})
		p.carriers[i] = carrier
		p.daemons[i], err = processtest.StartDaemon(t, program, map[string]string{
			"OTPGW_HTTP_ADDR": "127.0.0.1:0", "OTPGW_ADMIN_ADDR": "127.0.0.1:0", "OTPGW_LOG_FORMAT": "json", "OTPGW_DATA_DIR": t.TempDir(),
			"OTPGW_NATS_URL": url, "OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")), "OTPGW_CALLBACK_ALLOW": "127.0.0.0/8",
			"OTPGW_APPS": "shop,slow,gone", "OTPGW_APP_SHOP_API_KEYS": apiKey, "OTPGW_APP_SHOP_SENDERS": "Verify", "OTPGW_APP_SHOP_STOP_REPLY": "You get no more.",
			"OTPGW_APP_SLOW_API_KEYS": apiKey + "-slow", "OTPGW_APP_SLOW_SENDERS": "Slow", "OTPGW_APP_SLOW_RATE": slowRate, "OTPGW_APP_SLOW_SEND_LIMITS": "off",
			"OTPGW_APP_GONE_API_KEYS": apiKey + "-gone", "OTPGW_APP_GONE_SENDERS": "Gone", "OTPGW_APP_GONE_CALLBACK_URL": gone.URL,
			"OTPGW_LINKS": "carrier", "OTPGW_LINK_CARRIER_ADDR": carrier.Addr(), "OTPGW_LINK_CARRIER_SYSTEM_ID": "acc",
			"OTPGW_LINK_CARRIER_PASSWORD": "secret", processtest.ClockVariable: strconv.Itoa(int(clock.Seconds())),
		}, func(line string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			fmt.Fprintf(&p.log, "%d %s\n", i, line)
		}, startTimeout)
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if t.Failed() {
			t.Log(p.log.String())
		}
	})
	return p
}

// slowRate is one request in five seconds.
const slowRate = "0.2"

// post asks a daemon for an OTP.
func (p *pairOfClocks) post(t *testing.T, daemon int, key, number string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", p.daemons[daemon].HTTP+"/otp", strings.NewReader(fmt.Sprintf(`{"phoneNumber":%q}`, number)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-KEY", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp
}

// ratesAreOne: what one daemon let in counts at the other. A window may end right between the two requests, but
// not three times in a row.
func (p *pairOfClocks) ratesAreOne(t *testing.T) {
	t.Helper()
	for n := range 3 {
		await.That(t, "the right daemon lets a request in", func() bool { return p.asks(t, 0, 2*n) == http.StatusCreated })
		if p.asks(t, 1, 2*n+1) == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("each daemon lets requests in at the whole rate")
}

// asks for an OTP at the slow rate.
func (p *pairOfClocks) asks(t *testing.T, daemon, n int) (status int) {
	t.Helper()
	resp := p.post(t, daemon, apiKey+"-slow", fmt.Sprintf("+4670000010%d", n))
	if resp.StatusCode == http.StatusTooManyRequests {
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || s > 6 {
			t.Errorf("daemon %d: Retry-After %q, where a request in 5 s is allowed", daemon, resp.Header.Get("Retry-After"))
		}
	}
	return resp.StatusCode
}

// goneIsGone: what one daemon was told by a URL the other believes. The one whose clock is behind is told first.
func (p *pairOfClocks) goneIsGone(t *testing.T, first int) {
	t.Helper()
	for n := range 4 {
		before := p.deadLetters(t)
		if resp := p.post(t, (first+n)%2, apiKey+"-gone", fmt.Sprintf("+4670000020%d", n)); resp.StatusCode != http.StatusCreated {
			t.Fatal(resp.Status)
		}
		await.That(t, "a callback has come to its end", func() bool { return p.deadLetters(t) > before })
	}
	if n := p.posts.Load(); n != 1 {
		t.Errorf("%d callbacks were posted to a URL that answered 410 to the first", n)
	}
}

func (p *pairOfClocks) deadLetters(t *testing.T) (n int) {
	t.Helper()
	for line := range strings.Lines(p.page(t, 0, "/metrics")) {
		if rest, ok := strings.CutPrefix(line, `otpgw_store_messages{stream="DLQ"} `); ok {
			_, _ = fmt.Sscan(rest, &n)
		}
	}
	return n
}

// page is what a daemon's operator's port answers.
func (p *pairOfClocks) page(t *testing.T, daemon int, path string) string {
	t.Helper()
	resp, err := http.Get(p.daemons[daemon].Admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stopIsAnswered: a STOP that each daemon gets is taken, and its number gets the reply.
func (p *pairOfClocks) stopIsAnswered(t *testing.T) {
	t.Helper()
	for i, carrier := range p.carriers {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		from := fmt.Sprintf("4670000030%d", i)
		r, err := carrier.InjectMO(ctx, smsc.MO{From: from, To: "Verify", Text: "STOP"})
		if err != nil || r.Status == smsc.ReceiptFailed {
			t.Errorf("daemon %d: %+v, %v", i, r, err)
			continue
		}
		await.That(t, fmt.Sprintf("the reply to a STOP that daemon %d got", i), func() bool {
			for _, c := range p.carriers {
				for _, m := range c.Messages(smsc.Filter{To: from}) {
					if strings.HasPrefix(m.Text, "You get no more") {
						return true
					}
				}
			}
			return false
		})
	}
}
