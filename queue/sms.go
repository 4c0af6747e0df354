package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Outbound is one SMS on its way: what otp writes and smpp reads. The numbers of its fields are what is
// stored.
type Outbound struct {
	ID      string            `cbor:"1,keyasint"` // message id
	Ref     string            `cbor:"2,keyasint"` // what it belongs to: the otpId
	App     string            `cbor:"3,keyasint"` // whose share of the queue it takes
	Route   string            `cbor:"4,keyasint"`
	From    string            `cbor:"5,keyasint"`
	To      string            `cbor:"6,keyasint"`           // E.164 with +
	Text    []byte            `cbor:"7,keyasint"`           // sealed; context TextContext(Ref)
	TLVs    map[uint16][]byte `cbor:"8,keyasint,omitempty"` // optional parameters of this message (India's DLT), by tag
	Avoid   string            `cbor:"9,keyasint,omitempty"` // a link that carried it before, in vain; another of the route is better
	Created time.Time         `cbor:"10,keyasint"`
	Expires time.Time         `cbor:"11,keyasint"`           // not sent after this
	Again   bool              `cbor:"12,keyasint,omitempty"` // it was on another route before, and may have been sent
	Network string            `cbor:"15,keyasint,omitempty"` // of To, MCC and MNC; empty where it is not known
	Country string            `cbor:"13,keyasint,omitempty"` // of To, two letters; empty where it was not looked at
	Trace   []byte            `cbor:"14,keyasint,omitempty"` // of what it belongs to, opaque here
}

// TextContext is the context that the text of a message is sealed with (seal.Box): that of what it belongs
// to, so that all its messages carry the same sealed text.
func TextContext(ref string) string { return "text:" + ref }

// outboundEncoder: times to the microsecond.
var outboundEncoder, _ = cbor.EncOptions{Time: cbor.TimeUnixDynamic}.EncMode()

// SMS puts a message on its route's queue, where it is gone when the message expires. ErrExpired when nothing
// is left of its time.
func (t *Tx) SMS(o Outbound) *Tx { return t.sms(o, t.Message) }

func (t *Tx) sms(o Outbound, store func(Message) *Tx) *Tx {
	ttl := o.Expires.Sub(t.q.Now())
	if ttl <= 0 {
		return t.fail(ErrExpired)
	}
	data, err := outboundEncoder.Marshal(o)
	if err != nil {
		return t.fail(fmt.Errorf("queue: message %s: %w", o.ID, err))
	}
	return store(Message{Subject: workSMS + o.Route, Key: o.ID, Group: o.App, Data: data, TTL: ttl})
}

// PublishSMS stores a message on its route's queue.
func (q *Queue) PublishSMS(ctx context.Context, o Outbound) error {
	return q.Commit(ctx, q.Begin().SMS(o))
}

// ParseOutbound reads what PublishSMS stored.
func ParseOutbound(data []byte) (Outbound, error) {
	var o Outbound
	if err := cbor.Unmarshal(data, &o); err != nil {
		return Outbound{}, fmt.Errorf("queue: stored message: %w", err)
	}
	return o, nil
}
