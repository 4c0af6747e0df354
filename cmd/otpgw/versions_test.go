package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"

	"github.com/fxamacker/cbor/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// besideCommit is the oldest version that shares a store with this one: the first with version 2 of the form
// of records. Those before it read version 1 only, and were never released.
const besideCommit = "8afb13a"

// twoVersions is an older daemon and one of this version on one NATS.
type twoVersions struct {
	t        *testing.T
	url      string
	old      *processtest.Daemon
	restart  func() // the older one
	now      *process
	nowVars  map[string]string
	codes    map[string]chan string // by number
	c        *http.Client
	lastUsed int
}

func startTwoVersions(t *testing.T) *twoVersions {
	program := buildOlder(t, besideCommit)
	p := &twoVersions{t: t, url: queuetest.External(t), codes: make(map[string]chan string), c: client(t)}
	for n := range 20 {
		p.codes[strings.TrimPrefix(number(7000+n), "+")] = make(chan string, 4)
	}
	sim := startSMSC(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		p.codes[strings.TrimPrefix(s.To, "+")] <- regexp.MustCompile(`\d{4,8}`).FindString(s.Text)
		return smsc.Outcome{}
	}})
	vars := func() map[string]string {
		return env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_NATS_URL": p.url, "OTPGW_SECRET_KEY": "b3RwZ3cgdGVzdHMnIGtleSBvZiB0aGlydHktdHdvIDE="})
	}
	oldVars := vars()
	p.nowVars = vars()
	p.restart = func() {
		if p.old != nil {
			p.old.Terminate(testTimeout)
		}
		d, err := processtest.StartDaemon(t, program, oldVars, nil, testTimeout)
		if err != nil {
			t.Fatal(err)
		}
		p.old = d
	}
	p.restart()
	p.now = startDaemon(t, p.nowVars)
	return p
}

// create makes an OTP at a daemon, and returns its id and the PIN that its message had.
func (p *twoVersions) create(base string) (id, pin string) {
	p.t.Helper()
	to := number(7000 + p.lastUsed)
	p.lastUsed++
	var o struct{ OtpID string }
	mustCall(p.t, p.c, "POST", base+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, to), http.StatusCreated).json(p.t, &o)
	select {
	case pin = <-p.codes[strings.TrimPrefix(to, "+")]:
	case <-time.After(testTimeout):
		p.t.Fatal("no message came")
	}
	return o.OtpID, pin
}

// wrong is another PIN.
func wrong(pin string) string {
	if pin[0] == '0' {
		return "1" + pin[1:]
	}
	return "0" + pin[1:]
}

// guess tries a PIN at a daemon.
func (p *twoVersions) guess(base, id, pin string, status int) {
	p.t.Helper()
	mustCall(p.t, p.c, "POST", base+"/otp/"+id, fmt.Sprintf(`{"pin":%q}`, pin), status)
}

// show is an OTP as a daemon tells it.
func (p *twoVersions) show(base, id string) map[string]any {
	p.t.Helper()
	var o map[string]any
	mustCall(p.t, p.c, "GET", base+"/otp/"+id, "", http.StatusOK).json(p.t, &o)
	return o
}

// TestTwoVersionsShareAStore: an older daemon and this one work side by side: what one makes the other sends,
// verifies and tells; a field that only one knows outlives the other's changes; and the streams stay as the
// newer one has set them up.
func TestTwoVersionsShareAStore(t *testing.T) {
	t.Parallel()
	p := startTwoVersions(t)
	for name, bases := range map[string][2]string{"made by the older": {p.old.HTTP, p.now.HTTP}, "made by the newer": {p.now.HTTP, p.old.HTTP}} {
		t.Run(name, func(t *testing.T) {
			id, pin := p.create(bases[0])
			p.guess(bases[1], id, wrong(pin), http.StatusBadRequest)
			p.guess(bases[0], id, wrong(pin), http.StatusBadRequest)
			p.guess(bases[1], id, pin, http.StatusOK)
			for _, base := range bases {
				await.That(t, "it is VERIFIED at "+base, func() bool { return p.show(base, id)["status"] == "VERIFIED" })
			}
		})
	}
	t.Run("fields of another version", func(t *testing.T) { p.keepsFields(t) })
	t.Run("streams", func(t *testing.T) { p.keepsStreams(t) })
}

// unknownField is a number that no version of a record uses.
const unknownField = 60_000

// keepsFields gives a record a field that neither knows, and has each change the record.
func (p *twoVersions) keepsFields(t *testing.T) {
	q := queuetest.Open(t, queuetest.URL(p.url))
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	id, pin := p.create(p.now.HTTP)
	awaitStatus(t, p, id)
	fields, revision := recordOf(ctx, t, q, id)
	fields[unknownField] = must(cbor.Marshal("of a newer version"))(t)
	value := append([]byte{2}, must(cbor.Marshal(fields))(t)...)
	if _, err := q.Records().Update(ctx, id, value, time.Hour, revision); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{p.old.HTTP, p.now.HTTP} {
		p.guess(base, id, wrong(pin), http.StatusBadRequest)
		after, _ := recordOf(ctx, t, q, id)
		const reserved, failed, steps = 21, 22, 44 // what a wrong guess changes
		for _, fields := range []map[uint64]cbor.RawMessage{fields, after} {
			maps.DeleteFunc(fields, func(n uint64, _ cbor.RawMessage) bool { return n == reserved || n == failed || n == steps })
		}
		if !reflect.DeepEqual(fields, after) {
			t.Errorf("after a guess at %s the record is\n%v, was\n%v", base, after, fields)
		}
	}
	p.guess(p.old.HTTP, id, pin, http.StatusOK)
	if after, _ := recordOf(ctx, t, q, id); after[unknownField] == nil {
		t.Error("the right guess lost the field")
	}
}

// awaitStatus waits until nothing more happens to a record by itself.
func awaitStatus(t *testing.T, p *twoVersions, id string) {
	t.Helper()
	await.That(t, "the receipt is told", func() bool {
		delivery, ok := p.show(p.now.HTTP, id)["delivery"].(map[string]any)
		return ok && delivery["status"] == "DELIVERED"
	})
}

func recordOf(ctx context.Context, t *testing.T, q *queue.Queue, id string) (fields map[uint64]cbor.RawMessage, revision uint64) {
	t.Helper()
	e, err := q.Records().Latest(ctx, id)
	if err == nil {
		err = cbor.Unmarshal(e.Value[1:], &fields)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fields, e.Revision
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// keepsStreams starts the older daemon again beside the newer, and the newer beside streams that one newer
// still has set up.
func (p *twoVersions) keepsStreams(t *testing.T) {
	js := jetStreamOf(t, p.url)
	before := limitsOf(t, js)
	p.restart()
	if after := limitsOf(t, js); !maps.Equal(before, after) {
		t.Errorf("after a start of the older one: %v, before %v", after, before)
	}
	id, pin := p.create(p.old.HTTP)
	p.guess(p.now.HTTP, id, pin, http.StatusOK)

	log := must(js.Stream(t.Context(), "LOG"))(t).CachedInfo().Config
	log.MaxBytes *= 2
	log.Metadata = map[string]string{"otpgw-layout": "1000"}
	must(js.UpdateStream(t.Context(), log))(t)
	p.now.stop()
	p.now = startDaemon(t, p.nowVars)
	if now := limitsOf(t, js)["LOG"]; now != log.MaxBytes {
		t.Errorf("the log may have %d octets, and a newer version gave it %d", now, log.MaxBytes)
	}
}

func jetStreamOf(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	nc := must(nats.Connect(url))(t)
	t.Cleanup(nc.Close)
	return must(jetstream.New(nc))(t)
}

// limitsOf are the bounds of all streams.
func limitsOf(t *testing.T, js jetstream.JetStream) map[string]int64 {
	limits := make(map[string]int64)
	for info := range js.ListStreams(t.Context()).Info() {
		limits[info.Config.Name] = info.Config.MaxBytes
	}
	return limits
}
