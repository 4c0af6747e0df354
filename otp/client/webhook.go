package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// maxCallback is what is read of a callback: 200 items are under 300 KiB.
const maxCallback = 1 << 20

// The events of callbacks.
const (
	EventOtpUpdate = "otp_update"
	EventDlrUpdate = "dlr_update"
	EventReceived  = "mo_received" // to OTPGW_APP_<NAME>_MO_URL
	EventOptOut    = "opt_out"
	EventQuota     = "quota_alert"
	EventGuard     = "guard_alert"
)

// Event is a callback whose signature and age are right.
type Event struct {
	ID         string      // the same each time one callback is sent again: skip what is done already
	Sent       time.Time   // this try
	Event      string      // EventOtpUpdate, one of its kin, or one of a later gateway
	Otps       []Otp       // of otp_update
	Deliveries []DlrUpdate // of dlr_update
	Received   []Received  // of mo_received
	OptOuts    []OptOut    // of opt_out
	Quotas     []Quota     // of quota_alert: how far the application's quotas are used up
	Limits     []Quota     // of guard_alert: how far what may be sent to a country in this hour is

	Data json.RawMessage // the items as they came: also of an event that this client does not know
}

// Quota is one that is used up to Percent, which is 80 or 100.
type Quota struct {
	Quota    string    `json:"quota"` // day, month, day_budget, month_budget, or a country: GB
	Percent  int       `json:"percent"`
	Limit    float64   `json:"limit"` // messages, or money of a budget
	Until    time.Time `json:"until"` // when the next period begins
	Datetime time.Time `json:"datetime"`
}

// Received is what somebody wrote to one of the application's senders.
type Received struct {
	ID          string    `json:"id"`
	PhoneNumber string    `json:"phoneNumber"`
	CountryISO  *string   `json:"countryIso"`
	To          string    `json:"to"`
	Text        string    `json:"text"`
	Parts       int       `json:"parts"`
	Datetime    time.Time `json:"datetime"`
}

// OptOut is a number that wants no more messages (OPTED_OUT), or wants them again (OPTED_IN).
type OptOut struct {
	PhoneNumber string    `json:"phoneNumber"`
	CountryISO  *string   `json:"countryIso"`
	Status      string    `json:"status"`
	To          string    `json:"to"`
	Datetime    time.Time `json:"datetime"`
}

// DlrUpdate is a change of delivery.
type DlrUpdate struct {
	CampaignID  string         `json:"campaignId"` // the otpId
	MsgID       string         `json:"msgId"`
	StatusCode  int            `json:"statusCode"`
	Status      DeliveryStatus `json:"status"`
	ErrorCode   *int           `json:"errorCode"`
	Datetime    time.Time      `json:"datetime"`
	TrackData   *string        `json:"trackData"` // the trackId
	OtpID       string         `json:"otpId"`
	PhoneNumber string         `json:"phoneNumber"`
}

// ErrGone, returned by the func of a Webhook, tells the gateway to call this URL no more.
var ErrGone = errors.New("client: no more callbacks")

// Webhook is the http.Handler of a callback URL. It answers
//
//	204  the func took the event
//	400  the body is no callback
//	401  the signature is wrong or missing, or older than five minutes
//	410  the func returned ErrGone
//	413  the body is larger than 1 MiB
//	500  the func returned another error: the gateway sends the event again
type Webhook struct {
	verifiers []*webhooks.Webhook
	handle    func(context.Context, Event) error
}

// NewWebhook makes a handler. Each secret is a whsec_ of the gateway (OTPGW_APP_<NAME>_CALLBACK_SECRET); give
// two while the secret is changed. Events arrive at least once, and those of one OTP in order; handle is
// called by several goroutines.
func NewWebhook(handle func(context.Context, Event) error, secrets ...string) (*Webhook, error) {
	w := &Webhook{handle: handle}
	for _, secret := range secrets {
		v, err := webhooks.NewWebhook(secret)
		if err != nil || len(secret) < len("whsec_")+32 { // 24 octets and more
			return nil, errors.New("client: a secret is not whsec_ and the base64 of 24 to 64 octets")
		}
		w.verifiers = append(w.verifiers, v)
	}
	if len(secrets) == 0 || handle == nil {
		return nil, errors.New("client: a webhook needs a func and a secret")
	}
	return w, nil
}

// ServeHTTP takes one callback.
func (w *Webhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		rw.Header().Set("Allow", http.MethodPost)
		rw.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxCallback))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		rw.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	if !w.genuine(body, r.Header) {
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	e, err := readEvent(body, r.Header)
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	rw.WriteHeader(statusOf(w.handle(r.Context(), e)))
}

func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusNoContent
	case errors.Is(err, ErrGone):
		return http.StatusGone
	}
	return http.StatusInternalServerError
}

func (w *Webhook) genuine(body []byte, header http.Header) bool {
	for _, v := range w.verifiers {
		if v.Verify(body, header) == nil {
			return true
		}
	}
	return false
}

func readEvent(body []byte, header http.Header) (Event, error) {
	e, err := ParseEvent(body)
	seconds, _ := strconv.ParseInt(header.Get(webhooks.HeaderWebhookTimestamp), 10, 64) // it has been verified
	e.ID, e.Sent = header.Get(webhooks.HeaderWebhookID), time.Unix(seconds, 0)
	return e, err
}

// ParseEvent reads the body of a callback whose signature somebody else has checked: a queue that the
// receiver put it into, for one. ID and Sent are in the headers, and stay empty.
func ParseEvent(body []byte) (Event, error) {
	var callback struct {
		Event string
		Data  json.RawMessage
	}
	if err := json.Unmarshal(body, &callback); err != nil {
		return Event{}, err
	}
	e := Event{Event: callback.Event, Data: callback.Data}
	into, known := map[string]any{
		EventOtpUpdate: &e.Otps, EventDlrUpdate: &e.Deliveries, EventReceived: &e.Received,
		EventOptOut: &e.OptOuts, EventQuota: &e.Quotas, EventGuard: &e.Limits,
	}[e.Event]
	if !known {
		return e, nil
	}
	return e, json.Unmarshal(callback.Data, into)
}
