package otp

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp/pin"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"
)

// DefaultRetention is how long a record stays after its PIN ran out: late receipts and questions still find
// it.
const DefaultRetention = time.Hour

// Record is the state of one OTP, stored under its id. The numbers of its fields are what is stored: a new
// field takes one that was never used.
type Record struct {
	ID      string `cbor:"-"` // lower-case UUID; the key it is stored under
	App     string `cbor:"2,keyasint,omitempty"`
	TrackID string `cbor:"3,keyasint,omitempty"`

	Message  string   `cbor:"4,keyasint,omitempty"` // id of the message in the SMS stream that Delivery is of
	Link     string   `cbor:"5,keyasint,omitempty"` // that carried it, once something was heard of it
	Route    string   `cbor:"6,keyasint,omitempty"`
	Phone    string   `cbor:"7,keyasint,omitempty"` // E.164
	Country  string   `cbor:"8,keyasint,omitempty"`
	From     string   `cbor:"9,keyasint,omitempty"`
	Language string   `cbor:"10,keyasint,omitempty"`
	Encoding string   `cbor:"11,keyasint,omitempty"`
	Parts    int      `cbor:"12,keyasint,omitempty"` // as measured at POST
	Price    float64  `cbor:"13,keyasint,omitempty"` // of a part
	Risk     []string `cbor:"14,keyasint,omitempty"`
	Test     bool     `cbor:"15,keyasint,omitempty"` // for a test number: never sent
	OwnPIN   bool     `cbor:"16,keyasint,omitempty"` // the caller's, which may tell the outcome

	Status      Status    `cbor:"17,keyasint,omitempty"`
	PIN         []byte    `cbor:"18,keyasint,omitempty"` // sealed, context "pin:" and ID
	PINType     pin.Type  `cbor:"19,keyasint,omitempty"`
	MaxAttempts int       `cbor:"20,keyasint,omitempty"`
	Reserved    int       `cbor:"21,keyasint,omitempty"` // guesses counted: before each comparison, given back by the right one
	Failed      int       `cbor:"22,keyasint,omitempty"` // comparisons that came out wrong
	TTL         int       `cbor:"23,keyasint,omitempty"` // seconds
	Created     time.Time `cbor:"24,keyasint,omitempty"`
	Expires     time.Time `cbor:"25,keyasint,omitempty"`

	Context  []byte        `cbor:"33,keyasint,omitempty"` // of the request, canonical; sealed, context "context:" and ID
	Ref      string        `cbor:"34,keyasint,omitempty"` // that stands in the message
	Consumed bool          `cbor:"35,keyasint,omitempty"` // its VERIFIED was taken, see Consume
	Text     []byte        `cbor:"26,keyasint,omitempty"` // of the message, to send it again; sealed, context "text:" and ID
	Resends  int           `cbor:"27,keyasint,omitempty"`
	LastSent time.Time     `cbor:"28,keyasint,omitempty"`
	Others   []sentMessage `cbor:"29,keyasint,omitempty"` // the other messages, see Report
	Try      *lastTry      `cbor:"36,keyasint,omitempty"` // see Unanswered
	Held     bool          `cbor:"37,keyasint,omitempty"` // the failure of Delivery is not told, see hold

	Steps      []byte `cbor:"44,keyasint,omitempty"` // its way, see note
	Trace      []byte `cbor:"46,keyasint,omitempty"` // what its messages and events carry of it, see Service.Trace
	TakenNoted int    `cbor:"45,keyasint,omitempty"` // of the messages up to this one it is known that a carrier took it

	Network string `cbor:"41,keyasint,omitempty"` // MCC and MNC of the number, see Traffic
	Wanted  string `cbor:"42,keyasint,omitempty"` // route that a lookup asked for

	CallbackURL string   `cbor:"30,keyasint,omitempty"`
	Delivery    Delivery `cbor:"31,keyasint,omitempty"`
	Announced   int      `cbor:"32,keyasint,omitempty"` // changes, see Event.N

	unknown map[uint64]cbor.RawMessage // fields of a newer version, kept as they are
}

// Near is an OTP's record as it is known here, without a wait; false where it is not.
func (s *Service) Near(otpID string) (*Record, bool) {
	id, ok := canonicalID(otpID)
	if !ok {
		return nil, false
	}
	e, err := s.Queue.Records().Near(id)
	if err != nil {
		return nil, false
	}
	r, err := decodeRecord(id, e.Value)
	return r, err == nil
}

// statusAt is the state by the clock: a PIN past its time has expired, whether or not its timer has fired.
func (r *Record) statusAt(now time.Time) Status {
	if r.Status == StatusPending && !now.Before(r.Expires) {
		return StatusExpired
	}
	return r.Status
}

// Asked is when the OTP was asked for: to the second, once its message was sent again.
func (r *Record) Asked() time.Time {
	if r.Resends == 0 && r.LastSent.After(r.Created) {
		return r.LastSent
	}
	return r.Created
}

// sentMessage is one of several messages of an OTP.
type sentMessage struct {
	ID       string   `cbor:"1,keyasint"`
	Link     string   `cbor:"2,keyasint,omitempty"`
	Delivery Delivery `cbor:"3,keyasint"`
}

// Cost is that of all messages, to a hundred-thousandth.
func (r *Record) Cost() float64 { return r.cost() }

// cost is that of all messages, to a hundred-thousandth, so that no binary fraction shows.
func (r *Record) cost() float64 {
	if r.Test {
		return 0
	}
	return math.Round(r.Price*float64(r.Parts*(1+r.Resends))*1e5) / 1e5
}

// ttl is how long the record is to stay from now on.
func (s *Service) ttl(r *Record, now time.Time) time.Duration { return s.known(r.Expires, now) }

// KnownFor is how long an OTP whose PIN ends at a time is known from now on; what belongs to it need not be
// kept for longer.
func (s *Service) KnownFor(expires time.Time) time.Duration { return s.known(expires, s.now()) }

func (s *Service) known(expires, now time.Time) time.Duration {
	retention := DefaultRetention
	if s.Retention != nil {
		retention = s.Retention()
	}
	return max(expires.Add(retention).Sub(now), time.Second)
}

// load reads a record of an application; app "" is any.
func (s *Service) load(ctx context.Context, id, app string) (*Record, uint64, error) {
	id, ok := canonicalID(id)
	if !ok {
		return nil, 0, ErrNotFound
	}
	e, err := s.Queue.Records().Get(ctx, id)
	if err != nil {
		return nil, 0, storeError(err)
	}
	r, err := decodeRecord(id, e.Value)
	if err != nil {
		return nil, 0, internal(err)
	}
	if app != "" && r.App != app {
		return nil, 0, ErrNotFound
	}
	return r, e.Revision, nil
}

// canonicalID is the lower-case form of a UUID; false for anything else, which then never reaches the store
// as a key.
func canonicalID(id string) (string, bool) {
	if len(id) != uuidLength || uuid.Validate(id) != nil {
		return "", false
	}
	return strings.ToLower(id), true
}
