package otp

import (
	"github.com/otpgw/otpgw/queue"
)

// Notice is an event that belongs to no OTP: a callback all the same, signed and tried again like any other.
// What it tells has happened outside of the store.
type Notice struct {
	ID   string // a UUID of its own
	App  string
	URL  string
	Kind EventKind
	Item any
}

// Add adds the notice to a transaction. Its error is of its item.
func (n Notice) Add(tx *queue.Tx) error {
	m, err := n.message()
	if err == nil {
		tx.Message(m)
	}
	return err
}

func (n Notice) message() (queue.Message, error) {
	item, err := marshal(n.Item)
	if err != nil {
		return queue.Message{}, err
	}
	data, err := marshal(Event{OtpID: n.ID, App: n.App, URL: n.URL, Kind: n.Kind, N: 1, Item: item})
	if err != nil {
		return queue.Message{}, err
	}
	return queue.Message{Subject: EventSubject(n.ID), Key: EventKey(n.ID, 1), Group: n.App, Data: data}, nil
}
