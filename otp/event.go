package otp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
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

// Event is one item of a callback, an intent until the record has taken it (Took).
type Event struct {
	OtpID string    `json:"otpId"`
	App   string    `json:"app"`
	URL   string    `json:"url"`
	Kind  EventKind `json:"kind"`
	N     int       `json:"n"` // its place among the OTP's changes, from 1
	// Change is what changed and the revision of the record it was computed on: "otp:VERIFIED@57". The revision tells two
	// intents for the same change apart: one whose compare-and-set lost holds an old state and must not be sent.
	Change string          `json:"change"`
	Item   json.RawMessage `json:"item"`
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

// intend publishes what is about to change, and notes it in the record that is about to be stored.
func (s *Service) intend(ctx context.Context, r *Record, kind EventKind, revision uint64, now time.Time) error {
	var item any = r.view(now)
	what := "otp:" + r.Status.String()
	if kind == DlrChange {
		item, what = r.dlrUpdate(), "dlr:"+r.Delivery.Status.String()
	}
	data, err := json.Marshal(item)
	if err != nil {
		return err
	}
	change := what + "@" + strconv.FormatUint(revision, 10)
	r.Changes = append(r.Changes, change)
	e := Event{OtpID: r.ID, App: r.App, URL: r.CallbackURL, Kind: kind, N: len(r.Changes), Change: change, Item: data}
	if data, err = json.Marshal(e); err != nil {
		return err
	}
	id := fmt.Sprintf("%s.%d.%s", e.OtpID, e.N, e.Change)
	return s.Queue.Publish(ctx, queue.Message{Subject: EventSubject(r.ID), ID: id, Data: data})
}

func (r *Record) dlrUpdate() DlrUpdate {
	d := r.Delivery
	return DlrUpdate{CampaignID: r.ID, MsgID: r.Message, StatusCode: d.Status.Code(), Status: d.Status, ErrorCode: d.ErrorCode,
		Datetime: d.At, TrackData: orNull(r.TrackID), OtpID: r.ID, PhoneNumber: r.Phone}
}

// Verdict says whether a record took an intended change.
type Verdict int

// The verdicts. NotYet may become either of the others.
const (
	NotYet Verdict = iota
	Took
	Never
)

func (v Verdict) String() string { return [...]string{"NotYet", "Took", "Never"}[v] }

// Took says whether the record took the change that Event n of the OTP intends. It is Never as soon as the record has moved
// past the revision the change was computed on. ErrNotFound, with Never, when the record is gone.
func (s *Service) Took(ctx context.Context, otpID string, n int, change string) (Verdict, error) {
	if r, _, ok := s.recent.get(otpID); ok && n >= 1 && len(r.Changes) >= n && r.Changes[n-1] == change {
		return Took, nil // changes taken are never taken back
	}
	r, revision, err := s.load(ctx, otpID, "")
	if errors.Is(err, ErrNotFound) {
		return Never, ErrNotFound
	}
	if err != nil {
		return NotYet, err
	}
	if n >= 1 && len(r.Changes) >= n {
		if r.Changes[n-1] == change {
			return Took, nil
		}
		return Never, nil
	}
	_, base, _ := strings.Cut(change, "@")
	if b, err := strconv.ParseUint(base, 10, 64); err != nil || revision > b || n < 1 {
		return Never, nil
	}
	return NotYet, nil
}
