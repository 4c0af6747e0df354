package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// filling is a gateway on a small store whose log fills, since no snapshot can be written.
type filling struct {
	t        *testing.T
	c        *http.Client
	js       jetstream.JetStream
	sim      *smsc.Server
	d        *process
	accepted []accepted

	mu   sync.Mutex
	told string // callbacks' bodies
}

func newFilling(t *testing.T) *filling {
	f := &filling{t: t, c: client(t), sim: startSMSC(t, smsc.Config{})}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.told += string(body)
	}))
	t.Cleanup(receiver.Close)
	url := queuetest.External(t)
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if f.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	f.d = startDaemon(t, env(t.TempDir(), f.sim.Addr(), map[string]string{"OTPGW_NATS_URL": url, "OTPGW_STORE_SIZE": "64",
		"OTPGW_SECRET_KEY":           "dGVzdCB0ZXN0IHRlc3QgdGVzdCB0ZXN0IHRlc3QgdGU=",
		"OTPGW_APP_SHOP_SEND_LIMITS": "off", "OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL}))
	return f
}

// limit sets how large a stream may become, and returns how large it might be before.
func (f *filling) limit(stream string, bytes int64) (before int64) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), testTimeout)
	defer cancel()
	s, err := f.js.Stream(ctx, stream)
	if err != nil {
		f.t.Fatal(err)
	}
	c := s.CachedInfo().Config
	before, c.MaxBytes = c.MaxBytes, bytes
	if _, err := f.js.UpdateStream(ctx, c); err != nil {
		f.t.Fatal(err)
	}
	return before
}

func (f *filling) state(stream string) jetstream.StreamState {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), testTimeout)
	defer cancel()
	s, err := f.js.Stream(ctx, stream)
	if err != nil {
		f.t.Fatal(err)
	}
	return s.CachedInfo().State
}

func (f *filling) post(c *http.Client) answer {
	f.t.Helper()
	to := number(len(f.accepted) + 1)
	a, err := call(c, "POST", f.d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, to))
	if err != nil {
		f.t.Fatal(err)
	}
	if a.status == http.StatusCreated {
		var o created
		a.json(f.t, &o)
		f.accepted = append(f.accepted, accepted{id: o.OtpID, to: to})
	}
	return a
}

// works: an OTP that was accepted comes to its end, and its application hears of it.
func (f *filling) works(o accepted) {
	f.t.Helper()
	code := waitSMS(f.t, f.sim, o.to).Code
	wrong := otherThan(code)
	if a := mustCall(f.t, f.c, "POST", f.d.HTTP+"/otp/"+o.id, `{"pin":"`+wrong+`"}`, 400); a.status != 400 {
		return
	}
	await.That(f.t, "its receipt is taken", func() bool {
		a, err := call(f.c, "GET", f.d.HTTP+"/otp/"+o.id, "")
		return err == nil && strings.Contains(string(a.body), `"DELIVERED"`)
	})
	mustCall(f.t, f.c, "POST", f.d.HTTP+"/otp/"+o.id, `{"pin":"`+code+`"}`, 200)
	await.That(f.t, "its application is told", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		at := strings.LastIndex(f.told, o.id)
		return at >= 0 && strings.Contains(f.told, "VERIFIED") && strings.Count(f.told, o.id) >= 3 // sent, delivered, verified
	})
}

// TestFullLogVerifies: when the log has four fifths of what it may, new OTPs are refused with 503 and
// Retry-After, and those that are there come to their ends: guesses, receipts and callbacks. Once its
// beginning can go, new ones are taken again.
func TestFullLogVerifies(t *testing.T) {
	t.Parallel()
	f, once := newFilling(t), hasty(t)
	for range 60 {
		if a := f.post(f.c); a.status != http.StatusCreated {
			t.Fatalf("POST: %d %s", a.status, a.body)
		}
	}
	snapshots := f.limit("OBJ_LOG", 1)
	bound := int64(f.state("LOG").Bytes) * 3 / 2
	if total := f.limit("LOG", bound) + snapshots; total > 64<<20 || total < 16<<20 {
		t.Errorf("of a store of 64 MiB, the log and its snapshots may take %d octets", total)
	}
	mustCall(t, f.c, "GET", f.d.Admin+"/metrics", "", 200) // it asks how large the log is, which else it does every five seconds
	var refused answer
	await.That(t, "a new OTP is refused", func() bool {
		refused = f.post(once)
		full := int64(f.state("LOG").Bytes) > bound*3/4 // else the disk stood still
		return refused.status != http.StatusCreated && full
	})
	if refused.status != http.StatusServiceUnavailable || refused.header.Get("Retry-After") == "" {
		t.Errorf("%d %s, Retry-After %q", refused.status, refused.body, refused.header.Get("Retry-After"))
	}
	if s := f.state("LOG"); s.FirstSeq != 1 {
		t.Errorf("the log begins at %d: a snapshot was written", s.FirstSeq)
	}
	f.works(f.accepted[0])
	f.works(f.accepted[len(f.accepted)-1])
	if again := f.post(once); again.status != http.StatusServiceUnavailable {
		t.Errorf("a new OTP, after others have ended: %d %s", again.status, again.body)
	}
	await.That(t, "it is told that no snapshot can be written", func() bool { return f.d.stderr.count("no snapshot of the log") > 0 })
	f.limit("OBJ_LOG", snapshots)
	await.That(t, "new OTPs are taken again", func() bool { return f.post(once).status == http.StatusCreated })
	if s := f.state("LOG"); s.FirstSeq < 2 {
		t.Error("the log's beginning is there still")
	}
	f.works(f.accepted[len(f.accepted)-1])
	mustCall(t, f.c, "GET", f.d.HTTP+"/otp/"+f.accepted[1].id, "", 200)
}
