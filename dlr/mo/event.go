package mo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/queue/seal"
)

// The events of callbacks.
const (
	Received otp.EventKind = "mo_received"
	OptOut   otp.EventKind = "opt_out"
)

// receivedItem is the item of a mo_received. In the store its text is sealed, in Sealed.
type receivedItem struct {
	ID          string    `json:"id"`
	PhoneNumber string    `json:"phoneNumber"`
	CountryISO  *string   `json:"countryIso"`
	To          string    `json:"to"`
	Text        string    `json:"text"`
	Sealed      []byte    `json:"sealed,omitempty"`
	Parts       int       `json:"parts"`
	Datetime    time.Time `json:"datetime"`
}

// optOutItem is the item of an opt_out.
type optOutItem struct {
	PhoneNumber string    `json:"phoneNumber"`
	CountryISO  *string   `json:"countryIso"`
	Status      string    `json:"status"` // OPTED_OUT, OPTED_IN
	To          string    `json:"to"`
	Datetime    time.Time `json:"datetime"`
}

func (i *Inbox) received(m Message, from phone.Number) receivedItem {
	id := uuid.NewString()
	return receivedItem{ID: id, PhoneNumber: from.E164, CountryISO: orNull(from.Country), To: m.To, Parts: max(m.Parts, 1),
		Sealed: i.Box.Seal([]byte(m.Text), textContext(id)), Datetime: m.Received.UTC().Truncate(time.Second)}
}

func textContext(id string) string { return "mo:" + id }

// Reveal is the body of a callback as it is sent, of the body that is stored: each time the same. So a text that
// was sealed with a key which is not here is seal.ErrKey, for another daemon may have it; one that nobody can
// open any more is empty.
func (i *Inbox) Reveal(kind otp.EventKind, body []byte) ([]byte, error) {
	if kind != Received {
		return body, nil
	}
	var callback struct {
		Event otp.EventKind  `json:"event"`
		Data  []receivedItem `json:"data"`
	}
	if json.Unmarshal(body, &callback) != nil {
		return body, nil
	}
	for n := range callback.Data {
		item := &callback.Data[n]
		text, err := i.Box.Open(item.Sealed, textContext(item.ID))
		if errors.Is(err, seal.ErrKey) {
			return nil, fmt.Errorf("mo: the text of a handset's message: %w", err)
		}
		if err != nil {
			i.Log.Error().Err(err).Msg("the text of a handset's message cannot be unsealed, was the secret key changed?")
		}
		item.Text, item.Sealed = string(text), nil
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(callback) != nil {
		return body, nil
	}
	return bytes.TrimSuffix(out.Bytes(), []byte{'\n'}), nil
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
