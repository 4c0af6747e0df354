package callback

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// comesBack is an item as the queue gives it.
func comesBack(t testing.TB, e otp.Event) *queue.Delivery {
	t.Helper()
	m, err := e.Message()
	if err != nil {
		t.Fatal(err)
	}
	return &queue.Delivery{Key: m.Key, Data: bytes.Clone(m.Data)}
}

// TestItemComesBack: an item is what its data says, whether it was stored here a moment ago or not, and what is
// kept of those that never come back is bounded.
func TestItemComesBack(t *testing.T) {
	q := queuetest.Open(t)
	d := New(options(t, q))
	here := event("https://app.example/?a=1&b=<2>", "o1", 2)
	here.Trace = []byte{1, 2, 3}
	changed := here
	changed.URL = "https://other.example/"
	if err := d.announceItem(q.Begin(), &here); err != nil {
		t.Fatal(err)
	}
	for _, e := range []otp.Event{changed, here, here, event("https://app.example", "another daemon's", 1)} {
		kept := len(d.announced.events)
		got, ok := d.event(comesBack(t, e))
		if !ok || !reflect.DeepEqual(got, e) {
			t.Errorf("got %+v, %t, want %+v", got, ok, e)
		}
		if used := len(d.announced.events) < kept; used != (kept > 0 && e.URL == here.URL) {
			t.Errorf("%s of %s: what was kept was used: %t", e.OtpID, e.URL, used)
		}
	}
	for i := range 2 * maxAnnounced {
		e := event("https://app.example", fmt.Sprint("lost", i), 1)
		if err := d.announceItem(q.Begin(), &e); err != nil || len(d.announced.events) > maxAnnounced {
			t.Fatalf("%v, %d kept", err, len(d.announced.events))
		}
	}
	for _, data := range []string{"", "{", `{"otpId":"o1","url":"u"}`, `{"otpId":"o1","item":{}}`, `{"url":"u","item":{}}`} {
		if e, ok := d.event(&queue.Delivery{Key: "o1.1", Data: []byte(data)}); ok {
			t.Errorf("%s is %+v", data, e)
		}
	}
}

// BenchmarkItem is an item from its change until it is in hand again.
func BenchmarkItem(b *testing.B) {
	q := queuetest.Open(b)
	d := New(options(b, q))
	e := event("https://app.example/callbacks", "6f9619ff-8b86-4011-b42d-00c04fc964ff", 1)
	e.Item = json.RawMessage(`{"otpId":"6f9619ff-8b86-4011-b42d-00c04fc964ff","phoneNumber":"+33612345678","text":"` + strings.Repeat("x", 300) + `"}`)
	data := comesBack(b, e).Data
	for _, here := range []bool{true, false} {
		b.Run(fmt.Sprint("here-", here), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := d.announceItem(q.Begin(), &e); err != nil {
					b.Fatal(err)
				}
				m := &queue.Delivery{Key: otp.EventKey(e.OtpID, 1), Data: data}
				if !here {
					m.Key = "another"
				}
				if _, ok := d.event(m); !ok {
					b.Fatal("unreadable")
				}
			}
		})
	}
}
