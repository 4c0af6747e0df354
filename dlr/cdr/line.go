package cdr

import "time"

// Part is a part that a carrier took, or a message that it refused.
type Part struct {
	OtpID     string  `json:"otpId,omitempty"`
	MessageID string  `json:"msgId"`
	App       string  `json:"app,omitempty"`
	Link      string  `json:"link"`
	Route     string  `json:"route,omitempty"`
	From      string  `json:"from,omitempty"`
	To        string  `json:"to,omitempty"`
	Part      int     `json:"part"`
	Parts     int     `json:"parts"`
	CarrierID string  `json:"messageId,omitempty"`
	Status    string  `json:"status"`
	Code      uint32  `json:"code,omitempty"`
	Price     float64 `json:"price,omitempty"`
	Latency   *int64  `json:"latency,omitempty"`
}

// The states of a Part.
const (
	Accepted = "accepted"
	Refused  = "refused"
)

// Receipt is a receipt that found its message.
type Receipt struct {
	OtpID     string `json:"otpId,omitempty"`
	MessageID string `json:"msgId"`
	Link      string `json:"link"`
	Part      int    `json:"part"`
	Parts     int    `json:"parts"`
	CarrierID string `json:"messageId"`
	State     string `json:"state"`
	Code      *int   `json:"code,omitempty"`
	Latency   int64  `json:"latency,omitempty"`
}

// End is the end of an OTP.
type End struct {
	OtpID    string    `json:"otpId"`
	App      string    `json:"app"`
	TrackID  string    `json:"trackId,omitempty"`
	To       string    `json:"to"`
	Country  string    `json:"country"`
	Status   string    `json:"status"`
	Created  time.Time `json:"created"`
	Attempts int       `json:"attempts"`
	Parts    int       `json:"parts"`
	Resends  int       `json:"resends"`
	Cost     float64   `json:"cost"`
	Delivery string    `json:"delivery"`
	Link     string    `json:"link,omitempty"`
}

// head begins each line.
type head struct {
	Type string    `json:"type"`
	Time time.Time `json:"time"`
}
