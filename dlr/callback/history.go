package callback

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// How the callbacks of an OTP went is kept for whoever looks the OTP up (bucket told: OTP to a CBOR sequence
// of tellings). It is stored in the transaction that takes a batch off, so it costs no write of its own; of a
// try that failed nothing is stored, and what is known of it is with the daemon that tries.

// telling is how one callback ended. The numbers of its fields are what is stored.
type telling struct {
	N      int     `cbor:"1,keyasint"`           // changes up to this one
	At     int64   `cbor:"2,keyasint"`           // Unix milliseconds
	Tries  int     `cbor:"3,keyasint,omitempty"` // but the last
	Status int     `cbor:"4,keyasint,omitempty"` // of the last answer; 0: none
	End    tellEnd `cbor:"5,keyasint,omitempty"`
	DLR    bool    `cbor:"6,keyasint,omitempty"` // a dlr_update; else an otp_update
	ID     string  `cbor:"7,keyasint,omitempty"` // webhook-id
}

type tellEnd uint8

const (
	tellAcknowledged tellEnd = 0
	tellDead         tellEnd = 1
)

// maxTold bounds what is kept of one OTP, in octets: a dozen callbacks.
const maxTold = 768

// told adds to a transaction how a batch ended.
func (d *Dispatcher) told(tx *queue.Tx, s *sealed, b *batch, end tellEnd) {
	if b.Kind != otp.OtpChange && b.Kind != otp.DlrChange {
		return
	}
	var known time.Duration
	if d.o.Known != nil {
		known = d.o.Known()
	}
	t := telling{At: d.o.Queue.Now().UnixMilli(), Tries: s.tries, Status: d.lanes.saidOf(s).status, End: end, DLR: b.Kind == otp.DlrChange, ID: b.ID}
	for _, h := range b.Held {
		t.N = h.N
		if data, err := cbor.Marshal(t); err == nil { // of numbers and a string of ours it cannot fail
			tx.Append(d.o.Queue.Told(), h.OtpID, data, maxTold, known)
		}
	}
}

// acknowledged tells in the log which OTPs a callback was of.
func (d *Dispatcher) acknowledged(s *sealed, b *batch) {
	l := d.o.Log.Info()
	if !l.Enabled() {
		return
	}
	otps := make([]string, len(b.Held))
	for i, h := range b.Held {
		otps[i] = h.OtpID
	}
	l.Str("app", b.App).Str("host", hostOf(b.URL)).Str("id", b.ID).Str("event", string(b.Kind)).Int("tries", s.tries+1).Strs("otps", otps).
		Msg("callback acknowledged")
}

// Telling is a callback of an OTP, as an operator is shown it.
type Telling struct {
	At        time.Time     `json:"at"` // of the last try; of one that waits for its first, of its change
	Event     otp.EventKind `json:"event"`
	WebhookID string        `json:"webhookId,omitempty"`
	State     TellState     `json:"state"`
	Tries     int           `json:"tries"`            // that were made
	Status    int           `json:"status,omitempty"` // of the last answer; 0: there was none
	Next      time.Time     `json:"next,omitzero"`    // of one that failed
	Host      string        `json:"host,omitempty"`
	First     bool          `json:"first,omitempty"` // it may be of other OTPs, and goes before the next one
}

// TellState is how far a callback has come.
type TellState string

// The states of a callback.
const (
	TellAcknowledged TellState = "acknowledged"
	TellDead         TellState = "dead"     // given up, and kept as a dead letter
	TellRetrying     TellState = "retrying" // it failed, and is tried again
	TellWaiting      TellState = "waiting"  // for its first try, or with another daemon
)

// Told are the callbacks of an OTP, as far as they are known here, the oldest first.
func (d *Dispatcher) Told(otpID string) []Telling {
	list := []Telling{}
	if e, ok := d.o.Queue.Told().Local(otpID); ok {
		for rest := e.Value; len(rest) > 0; {
			var t telling
			var err error
			if rest, err = cbor.UnmarshalFirst(rest, &t); err != nil {
				break
			}
			list = append(list, t.shown())
		}
	}
	if id, ok := d.holds.of(otpID); ok && d.holds.stored(id) {
		list = append(list, d.lanes.waiting(id)...)
	}
	slices.SortStableFunc(list, func(a, b Telling) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.WebhookID, b.WebhookID)) })
	return list
}

func (t telling) shown() Telling {
	s := Telling{At: time.UnixMilli(t.At).UTC(), Event: otp.OtpChange, WebhookID: t.ID, State: TellAcknowledged, Tries: t.Tries + 1, Status: t.Status}
	if t.DLR {
		s.Event = otp.DlrChange
	}
	if t.End == tellDead {
		s.State, s.Tries = TellDead, t.Tries
	}
	return s
}

// note remembers what came of a try.
func (t *lanes) note(s *sealed, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.said = said{at: time.Now(), tries: s.said.tries + 1, status: status}
}

func (t *lanes) saidOf(s *sealed) said {
	t.mu.Lock()
	defer t.mu.Unlock()
	return s.said
}

// waiting is a batch that is in hand here, with those that go before it.
func (t *lanes) waiting(id string) (list []Telling) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.byTarget {
		s := l.hand[id]
		if s == nil {
			continue
		}
		for _, before := range s.after {
			if b := l.hand[before]; b != nil {
				first := b.shown()
				first.First = true
				list = append(list, first)
			}
		}
		return append(list, s.shown())
	}
	return []Telling{{At: time.Now().UTC(), WebhookID: id, State: TellWaiting}}
}

// shown is for callers that hold lanes.mu.
func (s *sealed) shown() Telling {
	w := Telling{At: s.since.UTC(), Event: s.kind, WebhookID: s.id, State: TellWaiting, Tries: s.said.tries, Status: s.said.status, Host: hostOf(s.target.url)}
	if s.said.tries > 0 {
		w.At, w.State, w.Next = s.said.at.UTC(), TellRetrying, s.said.next.UTC()
	}
	return w
}

// Pending is what waits for its receivers with this daemon: requests, and of them those that failed at least
// once.
func (d *Dispatcher) Pending() (requests, retrying int) {
	d.lanes.mu.Lock()
	defer d.lanes.mu.Unlock()
	for _, l := range d.lanes.byTarget {
		requests += len(l.hand)
		for _, s := range l.hand {
			if s.said.tries > 0 {
				retrying++
			}
		}
	}
	return requests, retrying
}
