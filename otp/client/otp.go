package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Status is where an OTP is. All but PENDING are final.
type Status string

// The states of an OTP.
const (
	Pending   Status = "PENDING"
	Verified  Status = "VERIFIED"
	Expired   Status = "EXPIRED"
	Cancelled Status = "CANCELLED"
	Failed    Status = "FAILED" // too many wrong PINs
)

// DeliveryStatus is how far a message, or a part of it, has come.
type DeliveryStatus string

// The states of delivery. The last four are final.
const (
	Queued       DeliveryStatus = "QUEUED" // by the gateway; never in a callback's DlrUpdate
	Accepted     DeliveryStatus = "ACCEPTED"
	Scheduled    DeliveryStatus = "SCHEDULED"
	Sent         DeliveryStatus = "SENT"
	Delivered    DeliveryStatus = "DELIVERED"
	NotDelivered DeliveryStatus = "FAILED"
	Rejected     DeliveryStatus = "REJECTED"
	NoCoverage   DeliveryStatus = "NO COVERAGE"
)

// NewOtp asks for an OTP. Only PhoneNumber is needed; what is left empty comes from the application's
// settings.
type NewOtp struct {
	PhoneNumber    string            `json:"phoneNumber"` // E.164, or national with CountryISO
	CountryISO     string            `json:"countryIso,omitempty"`
	From           string            `json:"from,omitempty"`
	Template       string            `json:"template,omitempty"` // holds {{pin}}
	Templates      map[string]string `json:"-"`                  // by language: template_fr is Templates["fr"]
	TrackID        string            `json:"trackId,omitempty"`
	TTL            int               `json:"ttl,omitempty"` // seconds
	MaxAttempts    int               `json:"maxAttempts,omitempty"`
	PinType        string            `json:"pinType,omitempty"` // numbers, letters or alphanumeric
	PinLength      int               `json:"pinLength,omitempty"`
	OtpCallbackURL string            `json:"otpCallbackUrl,omitempty"`
	WebOtpDomain   string            `json:"webOtpDomain,omitempty"` // of the page that may read the PIN
	AppHash        string            `json:"appHash,omitempty"`      // of the Android app that may read the PIN

	Pin     string            `json:"pin,omitempty"`     // the caller's own, in place of one that the gateway makes
	Context any               `json:"context,omitempty"` // what the PIN is for; has to be repeated by Verify
	Limits  map[string]string `json:"limits,omitempty"`  // what else the message is counted by: "ip", "session"
	Risk    string            `json:"risk,omitempty"`    // "skip" lets it past the guard

	// IdempotencyKey makes requests with one key the same request. Empty: one is made for each call, which
	// covers the client's own retries; give one that the caller stores to cover a restart of the caller too.
	IdempotencyKey string `json:"-"`
}

// MarshalJSON puts the templates by language beside the other fields.
func (n NewOtp) MarshalJSON() ([]byte, error) {
	type plain NewOtp
	data, err := json.Marshal(plain(n))
	if err != nil || len(n.Templates) == 0 {
		return data, err
	}
	fields := make(map[string]any)
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	for language, template := range n.Templates {
		fields["template_"+language] = template
	}
	return json.Marshal(fields)
}

// Otp is an OTP as the gateway has it.
type Otp struct {
	OtpID          string    `json:"otpId"`
	TrackID        *string   `json:"trackId"`
	PhoneNumber    string    `json:"phoneNumber"`
	CountryISO     string    `json:"countryIso"`
	Status         Status    `json:"status"`
	Cost           float64   `json:"cost"`
	Parts          int       `json:"parts"`
	MaxAttempts    int       `json:"maxAttempts"`
	Attempts       int       `json:"attempts"` // wrong PINs so far
	TTL            int       `json:"ttl"`      // seconds
	OtpCallbackURL *string   `json:"otpCallbackUrl"`
	DateCreated    time.Time `json:"dateCreated"`
	DateExpires    time.Time `json:"dateExpires"`
	Delivery       Delivery  `json:"delivery"`
	From           string    `json:"from"`
	Language       *string   `json:"language"`
	Encoding       string    `json:"encoding"`
	Resends        int       `json:"resends"` // messages after the first
	Risk           []string  `json:"risk"`    // what the guard against SMS pumping found
	Ref            string    `json:"ref"`     // that stands in the message, where its template has {{ref}}
}

// Delivery is the delivery of an OTP's message.
type Delivery struct {
	Status    DeliveryStatus `json:"status"`
	ErrorCode *int           `json:"errorCode"` // the carrier's, when it was not delivered
	Datetime  time.Time      `json:"datetime"`
	Parts     []PartDelivery `json:"parts"`
	// Assumed: no carrier told Status, ErrorCode is the gateway's, and a receipt that comes later replaces a
	// failure.
	Assumed    bool `json:"assumed"`
	Unanswered int  `json:"unanswered"` // times the message went out and no carrier answered
}

// PartDelivery is the delivery of one part of a message.
type PartDelivery struct {
	Part      int            `json:"part"` // from 1
	Status    DeliveryStatus `json:"status"`
	ErrorCode *int           `json:"errorCode"`
	Datetime  time.Time      `json:"datetime"`
	Assumed   bool           `json:"assumed"`
}

// NewOtp makes an OTP and has its message sent: POST /otp.
func (c *Client) NewOtp(ctx context.Context, n NewOtp) (*Otp, error) {
	key := n.IdempotencyKey
	if key == "" {
		key = rand.Text()
	}
	o := new(Otp)
	err := c.do(ctx, call{method: http.MethodPost, path: "/otp", header: http.Header{"Idempotency-Key": {key}}, body: n, repeat: harmless}, o)
	return ok(o, err)
}

// GetOtpStatus reads an OTP: GET /otp/{otpId}.
func (c *Client) GetOtpStatus(ctx context.Context, otpID string) (*Otp, error) {
	o := new(Otp)
	err := c.do(ctx, call{method: http.MethodGet, path: "/otp/" + url.PathEscape(otpID), repeat: harmless}, o)
	return ok(o, err)
}

// CancelOtp makes an OTP that is PENDING worthless: DELETE /otp/{otpId}.
func (c *Client) CancelOtp(ctx context.Context, otpID string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: "/otp/" + url.PathEscape(otpID), repeat: cancelling}, nil)
}

// ResendOtp sends the message again, with the same PIN: POST /otp/{otpId}/resend. Too soon or too often is an
// *Error of type TypeRateLimit, with RetryAfter. A try whose answer is lost may have sent a message, so it is
// not made again.
func (c *Client) ResendOtp(ctx context.Context, otpID string) (*Otp, error) {
	o := new(Otp)
	err := c.do(ctx, call{method: http.MethodPost, path: "/otp/" + url.PathEscape(otpID) + "/resend"}, o)
	return ok(o, err)
}

// Application is what requests that leave a field out get.
type Application struct {
	ApplicationID string `json:"applicationId"`
	Name          string `json:"name"`
	Settings      struct {
		Otp OtpSettings `json:"otp"`
	} `json:"settings"`
}

// OtpSettings are an application's settings for OTPs.
type OtpSettings struct {
	Template    string  `json:"template"`
	From        string  `json:"from"`
	PinType     string  `json:"pinType"`
	PinLength   int     `json:"pinLength"`
	TTL         int     `json:"ttl"` // seconds
	MaxAttempts int     `json:"maxAttempts"`
	OtpCallback *string `json:"otpCallback"`
}

// ApplicationSettings reads the caller's own application: GET /applications/{applicationId}.
func (c *Client) ApplicationSettings(ctx context.Context, applicationID string) (*Application, error) {
	a := new(Application)
	err := c.do(ctx, call{method: http.MethodGet, path: "/applications/" + url.PathEscape(applicationID), repeat: harmless}, a)
	return ok(a, err)
}

func ok[T any](v *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}
