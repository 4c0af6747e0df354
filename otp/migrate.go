package otp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/otpgw/otpgw/otp/pin"
)

// olderRecord is a record as versions before the log stored it, in JSON.
type olderRecord struct {
	ID          string         `json:"id"`
	App         string         `json:"app"`
	TrackID     string         `json:"trackId"`
	Message     string         `json:"message"`
	Link        string         `json:"link"`
	Route       string         `json:"route"`
	Phone       string         `json:"phone"`
	Country     string         `json:"country"`
	From        string         `json:"from"`
	Language    string         `json:"language"`
	Encoding    string         `json:"encoding"`
	Parts       int            `json:"parts"`
	Price       float64        `json:"price"`
	Risk        []string       `json:"risk"`
	Test        bool           `json:"test"`
	Status      Status         `json:"status"`
	PIN         []byte         `json:"pin"`
	PINType     pin.Type       `json:"pinType"`
	MaxAttempts int            `json:"maxAttempts"`
	Reserved    int            `json:"reserved"`
	Failed      int            `json:"failed"`
	TTL         int            `json:"ttl"`
	Created     time.Time      `json:"created"`
	Expires     time.Time      `json:"expires"`
	Text        []byte         `json:"text"`
	Resends     int            `json:"resends"`
	LastSent    time.Time      `json:"lastSent"`
	Others      []olderMessage `json:"others"`
	CallbackURL string         `json:"callbackUrl"`
	Delivery    Delivery       `json:"delivery"`
	Changes     []string       `json:"changes"`
}

type olderMessage struct {
	ID       string   `json:"id"`
	Link     string   `json:"link"`
	Delivery Delivery `json:"delivery"`
}

func (o *olderRecord) record() *Record {
	r := &Record{
		ID: o.ID, App: o.App, TrackID: o.TrackID, Message: o.Message, Link: o.Link, Route: o.Route, Phone: o.Phone, Country: o.Country,
		From: o.From, Language: o.Language, Encoding: o.Encoding, Parts: o.Parts, Price: o.Price, Risk: o.Risk, Test: o.Test, Status: o.Status,
		PIN: o.PIN, PINType: o.PINType, MaxAttempts: o.MaxAttempts, Reserved: o.Reserved, Failed: o.Failed, TTL: o.TTL, Created: o.Created,
		Expires: o.Expires, Text: o.Text, Resends: o.Resends, LastSent: o.LastSent, CallbackURL: o.CallbackURL, Delivery: o.Delivery,
		Announced: len(o.Changes),
	}
	for _, m := range o.Others {
		r.Others = append(r.Others, sentMessage(m))
	}
	return r
}

// TakeOver takes the OTPs over that a version before the log has left in the store, if it is one of its:
// those that are pending can be verified, and those that have ended are known as long as any.
func (s *Service) TakeOver(ctx context.Context) error {
	n, err := s.Queue.TakeOver(ctx, s.adoptOlder)
	if n > 0 {
		s.Log.Warn().Int("otps", n).Msg("the OTPs of an older version's store were taken over")
	}
	return err
}

func (s *Service) adoptOlder(ctx context.Context, id string, value []byte) error {
	var o olderRecord
	if err := json.Unmarshal(value, &o); err != nil || o.ID != id {
		return fmt.Errorf("record %s of an older version cannot be read: %w", id, err)
	}
	r, now := o.record(), s.now()
	if now.After(r.Expires) && s.ttl(r, now) <= time.Second {
		return nil // its retention is over
	}
	data, err := r.encode()
	if err != nil {
		return err
	}
	tx := s.Queue.Begin().Create(s.Queue.Records(), id, data, s.ttl(r, now))
	if r.Status == StatusPending && (r.CallbackURL != "" || s.Ended != nil) {
		tx.Timer(id, r.Expires, nil)
	}
	return s.Queue.Commit(ctx, tx)
}
