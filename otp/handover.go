package otp

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/queue"
)

// Sending is what is known of a message of an OTP beside its delivery: what a link has to know before it
// sends it again.
type Sending struct {
	Over       bool // nothing more of it is to be sent
	Unanswered int  // times it went out and was not answered
	Dropped    int  // of them, those in which the carrier hung up
}

// HandedOver is that a carrier took the whole of a message.
type HandedOver struct {
	MessageID, Link string
	Expires         time.Time // its PIN
	Sent            time.Time // when it went out
	Took            time.Duration
	IDs             []string // the carrier's, of the parts
}

// HandedOver notes in a transaction that a carrier has the whole of a message, for as long as its PIN lives.
func (s *Service) HandedOver(tx *queue.Tx, h HandedOver) {
	tx.Put(s.Queue.Sent(), h.MessageID, encodeTaken(h.Link, h.Sent, h.Took, h.IDs), max(h.Expires.Sub(s.now()), 0)+sentMargin)
}

// sentMargin is how much longer than the PIN it is known which carrier has a message.
const sentMargin = 5 * time.Minute

// sentOver is the link whose carrier has a message; "" when none is known to.
func (s *Service) sentOver(ctx context.Context, messageID string) (string, error) {
	e, err := s.Queue.Sent().Get(ctx, messageID)
	if errors.Is(err, queue.ErrNotFound) {
		return "", nil
	}
	return decodeTaken(e.Value).link, storeErrorOrNil(err)
}

// CarriedBy is the link whose carrier has an OTP's message, as far as is known here; "" when none is.
func (s *Service) CarriedBy(r *Record) string {
	if r.Link != "" {
		return r.Link
	}
	e, err := s.Queue.Sent().Near(r.Message)
	if err != nil {
		return ""
	}
	return decodeTaken(e.Value).link
}

// IsFirst says whether a message is the first one of its OTP.
func IsFirst(otpID, message string) bool {
	return uuid.Validate(otpID) == nil && messageID(otpID, 0) == message
}

// CarrierHas says whether a carrier is known to have all of a message. It costs nothing; what another daemon
// handed over is known milliseconds later.
func (s *Service) CarrierHas(messageID string) bool {
	_, err := s.Queue.Sent().Near(messageID)
	return err == nil
}

// Sending is asked before a message goes out that may have been sent before.
func (s *Service) Sending(ctx context.Context, otpID, messageID string) (Sending, error) {
	r, _, err := s.load(ctx, otpID, "")
	if errors.Is(err, ErrNotFound) {
		return Sending{}, nil // the message has its own end
	}
	if err != nil {
		return Sending{}, err
	}
	state := r.sending(messageID, s.now())
	if !state.Over {
		link, err := s.sentOver(ctx, messageID)
		if err != nil {
			return Sending{}, err
		}
		state.Over = link != ""
	}
	return state, nil
}

// Try is one time that a message went out and was not answered. At names it: the same At again is the same
// try.
type Try struct {
	OtpID, MessageID string
	Link             string
	At               time.Time
	Dropped          bool // the carrier hung up; else it said nothing in time
	Ahead            bool // it is about to go out, and counted before it does
}

// Unanswered counts a try and returns what is known then.
func (s *Service) Unanswered(ctx context.Context, t Try) (state Sending, err error) {
	err = s.change(ctx, t.OtpID, "", func(r *Record, now time.Time) (EventKind, error) {
		m := r.message(t.MessageID)
		if m == nil {
			return "", errNoChange
		}
		at := t.At.UnixNano()
		again := r.Try != nil && r.Try.At == at
		if !again {
			m.Unanswered++
			r.Try = &lastTry{At: at}
		}
		if counted := again && r.Try.Dropped; t.Dropped && !counted {
			m.Dropped++
			r.Try = &lastTry{At: at, Dropped: true}
		}
		if !t.Ahead {
			r.noteUnanswered(t)
		}
		state = r.sending(t.MessageID, now)
		return "", nil
	})
	if errors.Is(err, ErrNotFound) {
		return Sending{Unanswered: 1}, nil
	}
	return state, err
}

// Answered takes back a try that was counted before it went out: it was answered, or never went.
func (s *Service) Answered(ctx context.Context, t Try) error {
	err := s.change(ctx, t.OtpID, "", func(r *Record, _ time.Time) (EventKind, error) {
		m := r.message(t.MessageID)
		if m == nil || r.Try == nil || r.Try.At != t.At.UnixNano() || m.Unanswered == 0 {
			return "", errNoChange
		}
		m.Unanswered--
		r.Try = nil
		return "", nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// lastTry is the try that was counted last, for it may be told twice.
type lastTry struct {
	At      int64 `cbor:"1,keyasint"`
	Dropped bool  `cbor:"2,keyasint,omitempty"`
}

// message is the delivery of one of a record's messages, to be changed in place; nil when it is not its.
func (r *Record) message(id string) *Delivery {
	if id == r.Message {
		return &r.Delivery
	}
	i := slices.IndexFunc(r.Others, func(m sentMessage) bool { return m.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Others[i].Delivery
}

// sending: a message of which every part is known to be with the carrier, or to have ended, is not sent
// again; nor one of an OTP that nobody waits for any more.
func (r *Record) sending(messageID string, now time.Time) Sending {
	d := r.message(messageID)
	if d == nil {
		return Sending{}
	}
	waiting := slices.ContainsFunc(d.Parts, func(p PartDelivery) bool { return p.Status == DeliveryAccepted })
	return Sending{
		Over:       r.statusAt(now) != StatusPending || d.Status.Final() || !waiting,
		Unanswered: d.Unanswered, Dropped: d.Dropped,
	}
}
