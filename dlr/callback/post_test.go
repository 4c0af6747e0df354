package callback

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// closing is a receiver whose connections serve one request each, though it promises more: it closes them as
// the next request comes. handled counts what it answered, met how many requests met a closed door.
type closing struct {
	url          string
	handled, met atomic.Int32
}

func closingReceiver(t *testing.T, reset bool) *closing {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	c := &closing{url: "http://" + ln.Addr().String()}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go c.serve(conn, reset)
		}
	}()
	return c
}

func (c *closing) serve(conn net.Conn, reset bool) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, req.Body)
	c.handled.Add(1)
	fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	if _, err := r.Peek(1); err != nil {
		return
	}
	c.met.Add(1)
	if reset {
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
}

// TestKeptConnectionThatClosesIsRepeatedAtOnce: by a FIN and by a reset.
func TestKeptConnectionThatClosesIsRepeatedAtOnce(t *testing.T) {
	for name, reset := range map[string]bool{"closed": false, "reset": true} {
		t.Run(name, func(t *testing.T) {
			q := queuetest.Open(t)
			app := closingReceiver(t, reset)
			o := options(t, q)
			o.Schedule = []time.Duration{0, time.Hour} // a second try by the schedule would never come
			start(t, o)
			for i := range 4 {
				publish(t, q, event(app.url, fmt.Sprint("o", i), 1))
				empty(t, q)
			}
			if app.handled.Load() != 4 || app.met.Load() == 0 {
				t.Errorf("%d callbacks came, %d met a closed connection", app.handled.Load(), app.met.Load())
			}
		})
	}
}

// TestUnansweredRequestOnAFreshConnectionIsNotRepeatedAtOnce: who closes without an answer each time gets one
// request a try.
func TestUnansweredRequestOnAFreshConnectionIsNotRepeatedAtOnce(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	s := newSender(&Options{Egress: loopback, Secrets: testSecrets, Timeout: time.Second, Now: time.Now}, "otpgw")
	defer s.close()
	if _, err := s.post(context.Background(), server.URL, "app", "msg_1", []byte("{}"), "", false); err == nil || requests.Load() != 1 {
		t.Errorf("%d requests, error %v; want one that failed", requests.Load(), err)
	}
}

// TestReceiverMayTakeItsTime: an answer within the time that is configured counts, one past it does not.
func TestReceiverMayTakeItsTime(t *testing.T) {
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(300 * time.Millisecond):
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	for _, c := range []struct {
		timeout time.Duration
		ok      bool
	}{{30 * time.Second, true}, {50 * time.Millisecond, false}} {
		s := newSender(&Options{Egress: loopback, Secrets: testSecrets, Timeout: c.timeout, Now: time.Now}, "otpgw")
		if a, err := s.post(context.Background(), slow.URL, "app", "msg_1", []byte("{}"), "", false); (err == nil && a.status == 200) != c.ok {
			t.Errorf("time-out %v: %d, %v", c.timeout, a.status, err)
		}
		s.close()
	}
	if DefaultTimeout < 15*time.Second {
		t.Errorf("by default a receiver has %v; Standard Webhooks asks for 15 to 30 s", DefaultTimeout)
	}
}

// TestBothSecretsSign: while a secret is changed, a receiver that knows either accepts the same request.
func TestBothSecretsSign(t *testing.T) {
	const newer = "whsec_bmV3LXNlY3JldC1vZi0yNC1vY3RldHMhISE="
	var accepted atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, known := range []string{secret, newer} {
			hook, err := webhooks.NewWebhook(known)
			if err != nil || hook.Verify(body, r.Header) != nil {
				t.Errorf("not accepted by one of the secrets: %q, %v", r.Header.Get("Webhook-Signature"), err)
				continue
			}
			accepted.Add(1)
		}
	}))
	defer server.Close()
	s := testSender(loopback)
	s.secrets = func(string) []string { return []string{newer, secret} }
	if _, err := s.post(context.Background(), server.URL, "app", "msg_1", []byte("{}"), "", false); err != nil || accepted.Load() != 2 {
		t.Errorf("accepted by %d of 2, error %v", accepted.Load(), err)
	}
}

func TestRetryAfterIsRead(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := &sender{now: func() time.Time { return now }}
	stamp := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		name        string
		status      int
		after, date string
		want        time.Duration
	}{
		{"seconds", 429, "120", "", 2 * time.Minute},
		{"unavailable", 503, "7", "", 7 * time.Second},
		{"a date", 429, stamp(time.Minute), "", time.Minute},
		{"a date by a clock that is wrong", 429, stamp(26 * time.Hour), stamp(25*time.Hour + 58*time.Minute), 2 * time.Minute},
		{"a date past", 429, stamp(-time.Minute), "", 0},
		{"too long", 503, "86400", "", longestRetryAfter},
		{"far too long", 503, "99999999999999999999", "", 0},
		{"nonsense", 429, "soon", "", 0},
		{"negative", 429, "-5", "", 0},
		{"none", 429, "", "", 0},
		{"with another status", 500, "120", "", 0},
		{"with a success", 200, "120", "", 0},
	} {
		resp := &http.Response{StatusCode: c.status, Header: http.Header{}}
		resp.Header.Set("Retry-After", c.after)
		resp.Header.Set("Date", c.date)
		if got := s.retryAfter(resp); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestRetryAfterIsKept: the next try waits for as long as the receiver asked, though the schedule has less.
func TestRetryAfterIsKept(t *testing.T) {
	q := queuetest.Open(t)
	times := make(chan time.Time, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if times <- time.Now(); len(times) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer server.Close()
	start(t, options(t, q))
	publish(t, q, event(server.URL, "o1", 1))
	empty(t, q)
	if len(times) != 2 {
		t.Fatalf("%d tries, want 2", len(times))
	}
	if first := <-times; (<-times).Sub(first) < time.Second {
		t.Error("the second try came sooner than the receiver asked")
	}
}

// TestRetriesHaveJitter: what failed at one time does not come back at one time.
func TestRetriesHaveJitter(t *testing.T) {
	const wait = 5 * time.Minute
	seen := make(map[time.Duration]bool)
	for range 100 {
		got := spread(wait)
		if got < wait || got > wait+wait/10+1 {
			t.Fatalf("a wait of %v became %v", wait, got)
		}
		seen[got] = true
	}
	if len(seen) < 50 {
		t.Errorf("100 waits had %d lengths", len(seen))
	}
}

// TestBodyIsPlainJSON: receivers that check the signature over what they parsed and wrote again get the same
// octets.
func TestBodyIsPlainJSON(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, nil)
	start(t, options(t, q))
	e := event(app.URL, "o1", 1)
	e.Item, _ = json.Marshal(map[string]string{"otpId": "o1", "otpCallbackUrl": "https://a.example/?a=1&b=<2>", "x": "\u2028\u2029\\u0026\\", "y": `\\u003c`})
	publish(t, q, e)
	empty(t, q)
	got := app.requests()[0].body
	const want = `{"event":"otp_update","data":[{"otpCallbackUrl":"https://a.example/?a=1&b=<2>","otpId":"o1","x":"` + "\u2028\u2029" + `\\u0026\\","y":"\\\\u003c"}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzWritePlain(f *testing.F) {
	for _, s := range []string{"a&b", "<>", "\u2028", `\u0026`, `\\`, "\ufffd", "\x00\x1f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		in, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		writePlain(&out, in)
		var before, after string
		if json.Unmarshal(in, &before) != nil || json.Unmarshal(out.Bytes(), &after) != nil || before != after {
			t.Errorf("%s became %s", in, &out)
		}
		if strings.Contains(strings.ReplaceAll(out.String(), `\\`, ""), `\u0026`) {
			t.Errorf("an escape is left: %s", &out)
		}
	})
}

// TestAnHourAfterItsGoneAURLIsAskedAgain: another 410 is believed again, any other answer enables the URL.
func TestAnHourAfterItsGoneAURLIsAskedAgain(t *testing.T) {
	q := queuetest.Open(t)
	var gone atomic.Bool
	gone.Store(true)
	app := receiver(t, func(request) int {
		if gone.Load() {
			return http.StatusGone
		}
		return 200
	})
	o := options(t, q)
	o.Log = quiet
	var ahead atomic.Int64
	o.Secrets = testSecrets
	d := New(o)
	d.endpoints.now = func() time.Time { return q.Now().Add(time.Duration(ahead.Load())) }
	run(t, d)
	dead, requests := 0, 0
	send := func(otpID string, wantDead, wantRequests int) {
		t.Helper()
		publish(t, q, event(app.URL, otpID, 1))
		empty(t, q)
		dead, requests = dead+wantDead, requests+wantRequests
		if got := msgs(t, q, "DLQ"); got != dead || len(app.requests()) != requests {
			t.Errorf("%s: %d dead letters and %d requests, want %d and %d", otpID, got, len(app.requests()), dead, requests)
		}
	}
	send("first", 1, 1)
	send("believed", 1, 0)
	ahead.Store(int64(believed + time.Minute))
	send("asked-again", 1, 1)
	send("believed-again", 1, 0)
	list, err := d.Endpoints(context.Background())
	if err != nil || len(list) != 1 || list[0].App != "demo" || list[0].Host != hostOf(app.URL) || list[0].Until.Sub(list[0].Since) < 2*believed {
		t.Errorf("list %+v, %v", list, err)
	}
	ahead.Store(2 * int64(believed+time.Minute))
	gone.Store(false)
	send("enabled-by-its-answer", 0, 1)
	send("as-if-nothing-had-been", 0, 1)
	if list, err := d.Endpoints(context.Background()); err != nil || len(list) != 0 {
		t.Errorf("list %+v, %v", list, err)
	}
}

// TestGoneOfOneApplicationTouchesNoOther: the same URL, of which one application is told 410.
func TestGoneOfOneApplicationTouchesNoOther(t *testing.T) {
	q := queuetest.Open(t)
	app := receiver(t, func(r request) int {
		if strings.HasPrefix(r.Data[0].OtpID, "gone") {
			return http.StatusGone
		}
		return 200
	})
	o := options(t, q)
	o.Log = quiet
	start(t, o)
	of := func(name, otpID string) otp.Event {
		e := event(app.URL, otpID, 1)
		e.App = name
		return e
	}
	publish(t, q, of("shop", "gone"))
	empty(t, q)
	publish(t, q, of("shop", "gone2"), of("bank", "o1"))
	empty(t, q)
	if dead, requests := msgs(t, q, "DLQ"), len(app.requests()); dead != 2 || requests != 2 {
		t.Errorf("%d dead letters and %d requests, want 2 and 2", dead, requests)
	}
}

// TestReplayToADisabledURLSaysSo: it stays where it is, unless the URL is enabled with it.
func TestReplayToADisabledURLSaysSo(t *testing.T) {
	q := queuetest.Open(t)
	ctx := context.Background()
	var gone atomic.Bool
	gone.Store(true)
	app := receiver(t, func(request) int {
		if gone.Load() {
			return http.StatusGone
		}
		return 200
	})
	o := options(t, q)
	o.Log = quiet
	d, _ := start(t, o)
	publish(t, q, event(app.URL, "o1", 1))
	empty(t, q)
	letter := deadLetters(t, q)[0]
	if about, ok := Describe(&letter); !ok || about.App != "demo" || about.Host != hostOf(app.URL) || len(about.OTPs) != 1 || about.OTPs[0] != "o1" {
		t.Errorf("described as %+v", about)
	}
	if at, err := d.Replay(ctx, &letter, false); err == nil || !strings.Contains(err.Error(), "disabled") || at.App != "demo" {
		t.Errorf("replay: %+v, %v", at, err)
	}
	if n := msgs(t, q, "DLQ"); n != 1 {
		t.Errorf("%d dead letters, want the one", n)
	}
	gone.Store(false)
	if _, err := d.Replay(ctx, &letter, true); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the replay came", func() bool { return len(app.requests()) == 2 })
	empty(t, q)
	if n := msgs(t, q, "DLQ"); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}
