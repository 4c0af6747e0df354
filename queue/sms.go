package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Outbound is one SMS on its way: what otp writes and smpp reads.
type Outbound struct {
	ID      string            `json:"id"`  // message id
	Ref     string            `json:"ref"` // what it belongs to: the otpId
	App     string            `json:"app"` // whose share of the queue it takes
	Route   string            `json:"route"`
	From    string            `json:"from"`
	To      string            `json:"to"`              // E.164 with +
	Text    []byte            `json:"text"`            // sealed; context TextContext(ID)
	TLVs    map[uint16][]byte `json:"tlvs,omitempty"`  // optional parameters of this message (India's DLT), by tag
	Avoid   string            `json:"avoid,omitempty"` // a link that carried it before, in vain; another of the route is better
	Created time.Time         `json:"created"`
	Expires time.Time         `json:"expires"` // not sent after this
}

// TextContext is the context that the text of a message is sealed with (seal.Box).
func TextContext(messageID string) string { return "sms:" + messageID }

// SMS puts a message on its route's queue, where it is gone when the message expires. ErrExpired when nothing is left of
// its time.
func (t *Tx) SMS(o Outbound) *Tx {
	ttl := o.Expires.Sub(t.q.Now())
	if ttl <= 0 {
		return t.fail(ErrExpired)
	}
	data, err := json.Marshal(o)
	if err != nil {
		return t.fail(fmt.Errorf("queue: message %s: %w", o.ID, err))
	}
	return t.Message(Message{Subject: workSMS + o.Route, Key: o.ID, Group: o.App, Data: data, TTL: ttl})
}

// PublishSMS stores a message on its route's queue.
func (q *Queue) PublishSMS(ctx context.Context, o Outbound) error {
	return q.Commit(ctx, q.Begin().SMS(o))
}

// ParseOutbound reads what PublishSMS stored.
func ParseOutbound(data []byte) (Outbound, error) {
	var o Outbound
	if err := json.Unmarshal(data, &o); err != nil {
		return Outbound{}, fmt.Errorf("queue: stored message: %w", err)
	}
	return o, nil
}
