package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Outbound is one SMS on its way: what otp writes and smpp reads.
type Outbound struct {
	ID      string            `json:"id"`  // message id, and Nats-Msg-Id
	Ref     string            `json:"ref"` // what it belongs to: the otpId
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

// PublishSMS stores a message on its route's queue, where it is gone when the message expires. ErrExpired when less than a
// second is left, ErrFull when the queue is at its limit: nothing was stored in both cases.
func (q *Queue) PublishSMS(ctx context.Context, o Outbound) error {
	// The server counts whole seconds; down, so that it never lives longer than its PIN.
	ttl := time.Until(o.Expires).Truncate(time.Second)
	if ttl < time.Second {
		return ErrExpired
	}
	if err := q.SMS(o.Route).err; err != nil {
		return err
	}
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("queue: message %s: %w", o.ID, err)
	}
	return q.Publish(ctx, Message{Subject: "sms." + o.Route, ID: o.ID, Data: data, TTL: ttl})
}

// ParseOutbound reads what PublishSMS stored.
func ParseOutbound(data []byte) (Outbound, error) {
	var o Outbound
	if err := json.Unmarshal(data, &o); err != nil {
		return Outbound{}, fmt.Errorf("queue: stored message: %w", err)
	}
	return o, nil
}
