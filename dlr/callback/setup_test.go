package callback

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// item is what the tests put into events.
type item struct {
	OtpID string `json:"otpId"`
	N     int    `json:"n"`
}

// request is one callback as the application got it.
type request struct {
	id    string
	body  string
	at    time.Time
	Event string `json:"event"`
	Data  []item `json:"data"`
}

// application is a callback receiver that verifies each signature as a real one would.
type application struct {
	*httptest.Server
	answer func(request) int // status; nil is 200 always

	mu  sync.Mutex
	got []request
}

func receiver(t testing.TB, answer func(request) int) *application {
	t.Helper()
	hook, err := webhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	a := &application{answer: answer}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // cut off
		}
		if err := hook.Verify(body, r.Header); err != nil {
			t.Errorf("signature: %v", err)
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s with content type %q", r.Method, r.Header.Get("Content-Type"))
		}
		req := request{id: r.Header.Get(webhooks.HeaderWebhookID), body: string(body), at: time.Now()}
		if err := json.Unmarshal(body, &req); err != nil {
			t.Errorf("body: %v", err)
		}
		a.mu.Lock()
		a.got = append(a.got, req)
		a.mu.Unlock()
		if a.answer != nil {
			w.WriteHeader(a.answer(req))
		}
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *application) requests() []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]request(nil), a.got...)
}

// items lists what was received, in order.
func (a *application) items() (list []item) {
	for _, r := range a.requests() {
		list = append(list, r.Data...)
	}
	return list
}

// event is an OTP's nth change for a URL.
func event(url, otpID string, n int) otp.Event {
	data, err := json.Marshal(item{otpID, n})
	if err != nil {
		panic(err)
	}
	return otp.Event{OtpID: otpID, App: "demo", URL: url, Kind: otp.OtpChange, N: n, Item: data}
}

func publish(t testing.TB, q *queue.Queue, list ...otp.Event) {
	t.Helper()
	for _, e := range list {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		m := queue.Message{Subject: otp.EventSubject(e.OtpID), Key: otp.EventKey(e.OtpID, e.N), Group: e.App, Data: data}
		if err := q.Publish(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
}

var quiet = zerolog.Nop()

// quick is a schedule of four tries within a second.
var quick = []time.Duration{0, 50 * time.Millisecond, 100 * time.Millisecond, 150 * time.Millisecond}

func options(t testing.TB, q *queue.Queue) Options {
	return Options{Queue: q, Secrets: testSecrets, Egress: loopback, Schedule: quick, Timeout: 5 * time.Second,
		Grace: 2 * time.Second, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel)}
}

// start runs a dispatcher until stop is called, or the test ends.
func start(t testing.TB, o Options) (d *Dispatcher, stop func()) {
	t.Helper()
	d = New(o)
	return d, run(t, d)
}

func run(t testing.TB, d *Dispatcher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func msgs(t testing.TB, q *queue.Queue, stream string) int {
	t.Helper()
	s, err := q.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range s.Streams {
		if one.Name == stream {
			return int(one.Msgs)
		}
	}
	t.Fatalf("no stream %s", stream)
	return 0
}

func empty(t testing.TB, q *queue.Queue) {
	t.Helper()
	await.That(t, "EVENTS is empty", func() bool { return msgs(t, q, "events") == 0 })
}

// wholeAndOnce fails the test unless each change came, under one id, with one body, none before its turn.
func wholeAndOnce(t *testing.T, app *application, changes int) {
	t.Helper()
	bodies, ids := make(map[string]string), make(map[item]string)
	for _, r := range app.requests() {
		if b, ok := bodies[r.id]; ok && b != r.body {
			t.Errorf("%s had two bodies", r.id)
		}
		bodies[r.id] = r.body
		for _, i := range r.Data {
			if id, ok := ids[i]; ok && id != r.id {
				t.Errorf("%v came under %s and %s", i, id, r.id)
			}
			ids[i] = r.id
		}
	}
	if len(ids) != changes {
		t.Errorf("%d changes came, want %d", len(ids), changes)
	}
	inOrder(t, app.items())
	t.Logf("%d requests under %d ids", len(app.requests()), len(bodies))
}

// inOrder fails the test when an item of an OTP was first received before an earlier one.
func inOrder(t *testing.T, list []item) {
	t.Helper()
	last := make(map[string]int)
	for _, i := range list {
		if i.N > last[i.OtpID]+1 {
			t.Errorf("OTP %s: change %d came after %d", i.OtpID, i.N, last[i.OtpID])
		}
		last[i.OtpID] = max(last[i.OtpID], i.N)
	}
}
