package dlr_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/seal"
)

// inbox is an application that writes its callbacks down.
type inbox struct {
	mu  sync.Mutex
	got []string // event and status
	raw []string
}

func (i *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var c struct {
		Event string `json:"event"`
		Data  []struct {
			Status string `json:"status"`
		} `json:"data"`
	}
	_ = json.Unmarshal(body, &c)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.raw = append(i.raw, string(body))
	for _, d := range c.Data {
		i.got = append(i.got, c.Event+" "+d.Status)
	}
}

func (i *inbox) list() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.got)
}

// TestFromReceiptToCallback has every part real but the link: a receipt that is early, intermediate ones,
// duplicates and one that comes after the final state become one callback for each change.
func TestFromReceiptToCallback(t *testing.T) {
	q := queuetest.Open(t)
	box, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	service := &otp.Service{Queue: q, Box: box, Log: zerolog.Nop(),
		Measure: func(string, string) (int, string) { return 2, "GSM7" },
		Route:   func(otp.Traffic) (string, error) { return queuetest.Route, nil }}
	app := &inbox{}
	server := httptest.NewServer(app)
	defer server.Close()

	ctx, cancel := context.WithCancel(context.Background())
	tracker := dlr.NewTracker(q, service, zerolog.Nop())
	dispatcher := callback.New(callback.Options{Queue: q, Log: zerolog.Nop(),
		Secrets: func(string) []string { return []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} },
		Egress:  callback.Egress{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	var running sync.WaitGroup
	running.Go(func() { _ = tracker.RunParked(ctx) })
	running.Go(func() { _ = dispatcher.Run(ctx) })
	defer running.Wait()
	defer cancel()

	client := &otp.App{Name: "demo", Senders: []string{"Verify"}, From: "Verify", Template: "Code {{pin}}", TTL: time.Minute, MaxAttempts: 5,
		PINType: pin.Numbers, PINLength: 6, CallbackURL: server.URL}
	n, err := otp.ParseNewOtp([]byte(`{"phoneNumber":"+33612345678"}`), client, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := service.Create(ctx, client, n)
	if err != nil {
		t.Fatal(err)
	}
	messageID := sms(t, q)
	receipt := func(id, state string) {
		t.Helper()
		in := dlr.Incoming{Link: "carrier", Rule: dlr.Auto, Text: "id:" + id + " sub:001 dlvrd:001 stat:" + state + " err:000 text:Code"}
		if err := tracker.Receipt(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	receipt("1A01", "ENROUTE") // before its response
	for part, id := range []string{"1A01", "1A02"} {
		e := dlr.Entry{OtpID: o.OtpID, MessageID: messageID, Part: part + 1, Parts: 2, To: "+33612345678"}
		if err := tracker.Accepted(ctx, "carrier", id, e); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"dlr_update SENT"}
	told(t, app, want)
	for range 3 {
		receipt("1A01", "DELIVRD")
		receipt("1a02", "DELIVRD")
	}
	receipt("1A02", "UNDELIV")
	want = append(want, "dlr_update DELIVERED")
	told(t, app, want)
	if err := service.Cancel(ctx, client, o.OtpID); err != nil {
		t.Fatal(err)
	}
	told(t, app, append(want, "otp_update CANCELLED"))
	await.That(t, "every event is taken off", func() bool {
		return !slices.ContainsFunc([]int{1, 2, 3}, func(n int) bool { return q.Events().Stored(otp.EventKey(o.OtpID, n)) })
	})
	if got := app.list(); len(got) != 3 {
		t.Errorf("callbacks %q, want one for each of three changes", got)
	}
}

func told(t *testing.T, app *inbox, want []string) {
	t.Helper()
	if !await.Within(await.Patience, func() bool { return slices.Equal(app.list(), want) }) {
		t.Fatalf("callbacks %q, want %q: %s", app.list(), want, strings.Join(app.raw, "\n"))
	}
}

// sms takes the OTP's message off its queue, as a link would, and gives its id.
func sms(t *testing.T, q *queue.Queue) string {
	t.Helper()
	d := queuetest.Take(t, q.SMS(queuetest.Route))
	m, err := queue.ParseOutbound(d.Data)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Ack(context.Background()); err != nil {
		t.Fatal(err)
	}
	return m.ID
}
