package otp

import (
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// The way of an OTP is kept in its record, a step with each change, so that it costs no write of its own.
// Record.Steps is a CBOR sequence (RFC 8742), which is added to without being read: a step takes 7 to 40
// octets. What is not a change of the record is kept beside it: that a carrier took a message (HandedOver),
// which the next change brings in, and the callbacks (package callback). No step has a PIN, a text or a
// number.

// step is one of Record.Steps. The numbers of its fields are what is stored.
type step struct {
	Kind stepKind `cbor:"1,keyasint"`
	At   int64    `cbor:"2,keyasint,omitempty"` // milliseconds after Record.Created
	N    int      `cbor:"3,keyasint,omitempty"` // of the OTP's messages, from 0
	Link string   `cbor:"4,keyasint,omitempty"`
	Took int64    `cbor:"5,keyasint,omitempty"` // milliseconds until the carrier's answer
	IDs  []string `cbor:"6,keyasint,omitempty"` // of the parts, the carrier's
	Part int      `cbor:"7,keyasint,omitempty"` // from 1; 0: all
	To   int      `cbor:"8,keyasint,omitempty"` // DeliveryStatus.Code that the message, or the part, came to
	Code *int     `cbor:"9,keyasint,omitempty"`
	Said string   `cbor:"10,keyasint,omitempty"` // the carrier's word for it, where it is not the usual one
	End  int      `cbor:"11,keyasint,omitempty"` // that the OTP ended with; its place in endings
	Self bool     `cbor:"12,keyasint,omitempty"` // nobody told so: sent again by the timer, a state that is assumed
	Drop bool     `cbor:"13,keyasint,omitempty"` // the carrier hung up
}

type stepKind uint8

// endings by the number they are stored with.
var endings = []Status{"", StatusVerified, StatusExpired, StatusCancelled, StatusFailed}

const (
	stepAsked      stepKind = 1 // the request, and its message queued
	stepAgain      stepKind = 2 // another message queued
	stepTaken      stepKind = 3 // by a carrier, whole
	stepUnanswered stepKind = 4 // it went out, and no answer came
	stepDelivery   stepKind = 5 // a receipt, a refusal, or what silence means
	stepWrong      stepKind = 6 // a guess
	stepEnded      stepKind = 7
)

// The bounds of what is kept of a way, past which only its end is noted.
const (
	maxSteps   = 1024 // octets
	maxSaid    = 16
	maxIDs     = 8
	maxIDShown = 65 // SMPP 3.4, 5.2.23
)

// note adds a step to the way.
func (r *Record) note(s step, at time.Time) {
	if len(r.Steps) >= maxSteps && s.Kind != stepEnded {
		return
	}
	s.At = at.Sub(r.Created).Milliseconds()
	s.Said = s.Said[:min(len(s.Said), maxSaid)]
	s.IDs = s.IDs[:min(len(s.IDs), maxIDs)]
	data, err := recordEncoder.Marshal(s)
	if err != nil {
		return // it is told in the log too
	}
	r.Steps = append(r.Steps[:len(r.Steps):len(r.Steps)], data...)
}

// steps reads the way; what a newer version noted and this one cannot read ends it.
func (r *Record) steps() (list []step) {
	for rest := r.Steps; len(rest) > 0; {
		var s step
		var err error
		if rest, err = cbor.UnmarshalFirst(rest, &s); err != nil {
			return list
		}
		list = append(list, s)
	}
	return list
}

// place is which of the OTP's messages one is, from 0. A message that is none of its is the present one.
func (r *Record) place(messageID string) int {
	if messageID != "" && messageID != r.Message {
		for _, m := range r.Others {
			if m.ID == messageID {
				return r.placeOf(messageID)
			}
		}
	}
	return r.placeOf(r.Message)
}

func (r *Record) placeOf(id string) int {
	for n := range r.Resends {
		if messageID(r.ID, n) == id {
			return n
		}
	}
	return r.Resends
}

// taken is what Sent has of a message: the link, and what a step tells. Older versions stored the link's name
// alone.
type taken struct {
	link string
	step
	at time.Time
}

const takenMark = "\x00"

// encodeTaken is the name of the link, the mark, and a step with its time in place of the milliseconds since
// the request.
func encodeTaken(link string, sent time.Time, took time.Duration, ids []string) []byte {
	s := step{Kind: stepTaken, At: sent.UnixMilli(), Took: took.Milliseconds()}
	for _, id := range ids[:min(len(ids), maxIDs)] {
		s.IDs = append(s.IDs, id[:min(len(id), maxIDShown)])
	}
	data, err := recordEncoder.Marshal(s)
	if err != nil { // an id that is no UTF-8
		s.IDs = nil
		data, _ = recordEncoder.Marshal(s)
	}
	return append([]byte(link+takenMark), data...)
}

func decodeTaken(value []byte) (t taken) {
	for i, c := range value {
		if c == takenMark[0] {
			t.link = string(value[:i])
			if cbor.Unmarshal(value[i+1:], &t.step) == nil {
				t.at = time.UnixMilli(t.At)
			}
			t.Link = t.link
			return t
		}
	}
	return taken{link: string(value)}
}

// noteTaken brings in that a carrier took the record's present message. It costs a look into memory, once for
// each message.
func (s *Service) noteTaken(r *Record) {
	if r.TakenNoted > r.Resends || r.Test {
		return
	}
	e, err := s.Queue.Sent().Near(r.Message)
	if err != nil {
		return
	}
	if t := decodeTaken(e.Value); !t.at.IsZero() {
		t.N = r.placeOf(r.Message)
		r.note(t.step, t.at)
	}
	r.TakenNoted = r.Resends + 1
}

// noteEnd notes the end of an OTP, if a change has brought it.
func (r *Record) noteEnd(before Status, now time.Time) {
	if before == StatusPending && r.Status != StatusPending {
		r.note(step{Kind: stepEnded, End: slices.Index(endings, r.Status)}, now)
	}
}

// noteDelivery notes what was told of a message, or what silence means.
func (r *Record) noteDelivery(d DeliveryReport, at time.Time) {
	s := step{Kind: stepDelivery, N: r.place(d.MessageID), Link: d.Link, Part: d.Part, To: d.Status.Code(), Said: d.Said, Self: d.Assumed}
	if d.Parts == 1 {
		s.Part = 0
	}
	if d.Status.failed() {
		s.Code = d.ErrorCode
	}
	r.note(s, at)
}

// noteUnanswered notes a try once, however often it is told.
func (r *Record) noteUnanswered(t Try) {
	at := t.At.Sub(r.Created).Milliseconds()
	for _, s := range r.steps() {
		if s.Kind == stepUnanswered && s.At == at {
			return
		}
	}
	r.note(step{Kind: stepUnanswered, N: r.place(t.MessageID), Link: t.Link, Drop: t.Dropped}, t.At)
}
