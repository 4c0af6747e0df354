package otp

import (
	"slices"
	"time"
)

// Otp is an OTP as the API and callbacks show it. Every key is always there.
type Otp struct {
	OtpID          string    `json:"otpId"`
	TrackID        *string   `json:"trackId"`
	PhoneNumber    string    `json:"phoneNumber"`
	CountryISO     string    `json:"countryIso"`
	Status         Status    `json:"status"`
	Cost           float64   `json:"cost"` // parts times the price of a part, over all messages; 0 without a price
	Parts          int       `json:"parts"`
	MaxAttempts    int       `json:"maxAttempts"`
	Attempts       int       `json:"attempts"` // failed tries
	TTL            int       `json:"ttl"`      // seconds
	OtpCallbackURL *string   `json:"otpCallbackUrl"`
	DateCreated    time.Time `json:"dateCreated"`
	DateExpires    time.Time `json:"dateExpires"`

	Delivery Delivery `json:"delivery"`
	From     string   `json:"from"`
	Language *string  `json:"language"` // of the template used; null for a plain one
	Encoding string   `json:"encoding"`
	Resends  int      `json:"resends"`       // messages after the first
	Risk     []string `json:"risk"`          // what the guard found; empty for nothing
	Ref      string   `json:"ref,omitempty"` // of the message, where its template has {{ref}}
}

// show is the record by the clock, with what is known of where its message is: QUEUED until a carrier has all
// of it, or may have.
func (s *Service) show(r *Record, now time.Time) Otp {
	o := r.view(now)
	if d := &o.Delivery; d.Status == DeliveryAccepted && d.Unanswered == 0 && !s.CarrierHas(r.Message) {
		d.Status = DeliveryQueued
		d.Parts = slices.Clone(d.Parts)
		for i := range d.Parts {
			if p := &d.Parts[i]; p.Status == DeliveryAccepted {
				p.Status = DeliveryQueued
			}
		}
	}
	return o
}

// view is the record by the clock.
func (r *Record) view(now time.Time) Otp {
	return Otp{
		OtpID: r.ID, TrackID: orNull(r.TrackID), PhoneNumber: r.Phone, CountryISO: r.Country, Status: r.statusAt(now),
		Cost: r.cost(), Parts: r.Parts, MaxAttempts: r.MaxAttempts, Attempts: r.Failed, TTL: r.TTL, OtpCallbackURL: orNull(r.CallbackURL),
		DateCreated: r.Created, DateExpires: r.Expires,
		Delivery: r.shownDelivery(now), From: r.From, Language: orNull(r.Language), Encoding: r.Encoding, Resends: r.Resends, Risk: append([]string{}, r.Risk...),
		Ref: r.Ref,
	}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
