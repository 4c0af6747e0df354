package otp

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/otpgw/otpgw/queue"
)

// send puts the record's message on its route's queue; for a test number there is none, see arrive.
func (s *Service) send(tx *queue.Tx, r *Record) {
	if r.Test {
		return
	}
	avoid := ""
	if r.Resends > 0 {
		if avoid = r.avoid(); avoid == "" && s.FirstLink != nil {
			avoid = s.FirstLink(r.Route)
		}
	}
	var tlvs map[uint16][]byte
	if app := s.app(r.App); app != nil {
		tlvs = app.TLVsOf(r.Country, r.Language)
	}
	tx.SMS(queue.Outbound{
		ID: r.Message, Ref: r.ID, App: r.App, Route: r.Route, From: r.From, To: r.Phone, Avoid: avoid,
		Text:    r.Text,
		TLVs:    tlvs,
		Created: r.LastSent, Expires: r.Expires, Country: r.Country, Network: r.Network, Trace: r.Trace,
	})
}

// arrive is for the message to a test number, which is never sent, and counts as delivered.
func (s *Service) arrive(ctx context.Context, r *Record) error {
	if !r.Test {
		return nil
	}
	return s.Report(ctx, DeliveryReport{OtpID: r.ID, MessageID: r.Message, Status: DeliveryDelivered})
}

// messageID is the id of the nth message of an OTP, from 0, so that one stored twice is stored once.
func messageID(otpID string, n int) string {
	return uuid.NewSHA1(uuid.MustParse(otpID), fmt.Appendf(nil, "message %d", n)).String()
}

// avoid is the link that carried the OTP's last message.
func (r *Record) avoid() string {
	if r.Link == "" && len(r.Others) > 0 {
		return r.Others[len(r.Others)-1].Link
	}
	return r.Link
}
