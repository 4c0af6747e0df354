package otp

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// EventKind is the event of a callback.
type EventKind string

// The events of the API.
const (
	OtpChange EventKind = "otp_update" // Item is an Otp
	DlrChange EventKind = "dlr_update" // Item is a DlrUpdate
)

// Event is one item of a callback. It is stored in the transaction that makes the change it tells of: there
// is no change without its event, and no event without its change.
type Event struct {
	OtpID string          `json:"otpId"`
	App   string          `json:"app"`
	URL   string          `json:"url"`
	Kind  EventKind       `json:"kind"`
	N     int             `json:"n"` // its place among the OTP's changes, from 1
	Item  json.RawMessage `json:"item"`
	Trace []byte          `json:"trace,omitempty"` // see Service.Trace
}

// DlrUpdate is the item of a dlr_update.
type DlrUpdate struct {
	CampaignID  string         `json:"campaignId"` // the otpId
	MsgID       string         `json:"msgId"`      // ours
	StatusCode  int            `json:"statusCode"`
	Status      DeliveryStatus `json:"status"`
	ErrorCode   *int           `json:"errorCode"` // null unless it was not delivered
	Datetime    time.Time      `json:"datetime"`
	TrackData   *string        `json:"trackData"`
	OtpID       string         `json:"otpId"`
	PhoneNumber string         `json:"phoneNumber"`
}

// EventSubject is where the events of an OTP are.
func EventSubject(otpID string) string { return "events.item." + otpID }

// EventKey names an event in its work queue.
func EventKey(otpID string, n int) string { return otpID + "." + strconv.Itoa(n) }

// event tells of the change that the record has just gone through.
func (s *Service) event(r *Record, kind EventKind, now time.Time) (Event, error) {
	data, err := marshal(s.item(r, kind, now))
	if err != nil {
		return Event{}, internal(err)
	}
	return Event{OtpID: r.ID, App: r.App, URL: r.CallbackURL, Kind: kind, N: r.Announced, Item: data, Trace: r.Trace}, nil
}

// Store adds an event to a transaction, as an item that waits to be sent together with others.
func (e *Event) Store(tx *queue.Tx) error {
	m, err := e.Message()
	if err != nil {
		return err
	}
	tx.Message(m)
	return nil
}

// Message is what Store stores.
func (e *Event) Message() (queue.Message, error) {
	data, err := e.encode()
	if err != nil {
		return queue.Message{}, err
	}
	return queue.Message{Subject: EventSubject(e.OtpID), Key: EventKey(e.OtpID, e.N), Group: e.App, Data: data}, nil
}

// encode writes an event with its item, which is JSON already, as it is: encoding/json would read all of it
// once more.
func (e *Event) encode() ([]byte, error) {
	const item = `"item":`
	around := *e
	around.Item = json.RawMessage("0")
	data, err := marshal(around)
	if err != nil {
		return nil, err
	}
	at := bytes.Index(data, []byte(item+"0")) + len(item) // within a string such a quote has a backslash before it
	return slices.Concat(data[:at], e.Item, data[at+1:]), nil
}

// item is what is told of a change.
func (s *Service) item(r *Record, kind EventKind, now time.Time) any {
	if kind == DlrChange {
		return r.dlrUpdate()
	}
	return s.show(r, now)
}

// marshal leaves &, < and > as they are: who signs what it parsed and wrote again gets the same.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}

func (r *Record) dlrUpdate() DlrUpdate {
	d := r.Delivery
	return DlrUpdate{CampaignID: r.ID, MsgID: r.Message, StatusCode: d.Status.Code(), Status: d.Status, ErrorCode: d.ErrorCode,
		Datetime: d.At, TrackData: orNull(r.TrackID), OtpID: r.ID, PhoneNumber: r.Phone}
}
