package otp

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
)

// Retention is how long a record stays after its PIN ran out: late receipts and questions still find it.
const Retention = 24 * time.Hour

// Record is the state of one OTP, stored as JSON under its id.
type Record struct {
	ID      string `json:"id"` // lower-case UUID
	App     string `json:"app"`
	TrackID string `json:"trackId,omitempty"`

	Message  string   `json:"message"`        // id of the message in the SMS stream that Delivery is of
	Link     string   `json:"link,omitempty"` // that carried it, once something was heard of it
	Route    string   `json:"route"`
	Phone    string   `json:"phone"` // E.164
	Country  string   `json:"country"`
	From     string   `json:"from"`
	Language string   `json:"language,omitempty"`
	Encoding string   `json:"encoding"`
	Parts    int      `json:"parts"`           // as measured at POST
	Price    float64  `json:"price,omitempty"` // of a part
	Risk     []string `json:"risk,omitempty"`
	Test     bool     `json:"test,omitempty"`   // for a test number: never sent
	OwnPIN   bool     `json:"ownPin,omitempty"` // the caller's, which may tell the outcome

	Status      Status    `json:"status"`
	PIN         []byte    `json:"pin"` // sealed, context "pin:" and ID
	PINType     PINType   `json:"pinType"`
	MaxAttempts int       `json:"maxAttempts"`
	Reserved    int       `json:"reserved"` // guesses counted: before each comparison, given back by the right one
	Failed      int       `json:"failed"`   // comparisons that came out wrong
	TTL         int       `json:"ttl"`      // seconds
	Created     time.Time `json:"created"`
	Expires     time.Time `json:"expires"`

	Context  []byte        `json:"context,omitempty"`  // of the request, canonical; sealed, context "context:" and ID
	Ref      string        `json:"ref,omitempty"`      // that stands in the message
	Consumed bool          `json:"consumed,omitempty"` // its VERIFIED was taken, see Consume
	Text     []byte        `json:"text,omitempty"`     // of the message, to send it again; sealed, context "text:" and ID
	Resends  int           `json:"resends,omitempty"`
	LastSent time.Time     `json:"lastSent"`
	Others   []sentMessage `json:"others,omitempty"` // the other messages, see Report

	CallbackURL string   `json:"callbackUrl,omitempty"`
	Delivery    Delivery `json:"delivery"`
	Announced   int      `json:"announced,omitempty"` // changes, see Event.N
}

// statusAt is the state by the clock: a PIN past its time has expired, whether or not its timer has fired.
func (r *Record) statusAt(now time.Time) Status {
	if r.Status == StatusPending && !now.Before(r.Expires) {
		return StatusExpired
	}
	return r.Status
}

// sentMessage is one of several messages of an OTP.
type sentMessage struct {
	ID       string   `json:"id"`
	Link     string   `json:"link,omitempty"`
	Delivery Delivery `json:"delivery"`
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
func (r *Record) ttl(now time.Time) time.Duration {
	return max(r.Expires.Add(Retention).Sub(now), time.Second)
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
	var r Record
	if err := json.Unmarshal(e.Value, &r); err != nil {
		return nil, 0, internal(fmt.Errorf("record %s: %w", id, err))
	}
	if app != "" && r.App != app {
		return nil, 0, ErrNotFound
	}
	return &r, e.Revision, nil
}

func (r *Record) encode() ([]byte, error) { return json.Marshal(r) }

// canonicalID is the lower-case form of a UUID; false for anything else, which then never reaches the store as a key.
func canonicalID(id string) (string, bool) {
	u, err := uuid.Parse(id)
	return u.String(), err == nil && len(id) == len(u.String())
}
