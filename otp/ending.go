package otp

import (
	"context"
	"time"
)

// The error codes of deliveries that ended without a carrier's word. The state then is assumed, and a receipt
// that comes after all replaces it.
const (
	DeliveryNoAnswer  = 408 // REJECTED: it went out, as often as the link may send it, and no carrier answered
	DeliveryNeverSent = 410 // FAILED: the PIN's time ended before any carrier had the message
	DeliveryHungUp    = 444 // REJECTED: the carrier ended the connection whenever it got the message
	DeliveryNoReceipt = 504 // FAILED: a carrier has it, and said nothing final until the PIN's time ended
)

// EndDelivery ends the delivery of an OTP whose time is up, where no carrier has, and announces it. Nothing
// happens before, or to a delivery that is final.
func (s *Service) EndDelivery(ctx context.Context, id string) error {
	r, _, err := s.load(ctx, id, "")
	if err == nil && r.Held && !s.now().Before(r.Expires) {
		return s.tellHeld(ctx, id)
	}
	if err != nil || !r.openAt(s.now()) {
		return err
	}
	link, err := s.sentOver(ctx, r.Message)
	if err != nil {
		return err
	}
	return s.change(ctx, id, "", func(current *Record, now time.Time) (EventKind, error) {
		if current.Message != r.Message || !current.openAt(now) {
			return "", errNoChange
		}
		current.end(link)
		return DlrChange, nil
	})
}

// openAt: the PIN's time is up, and the delivery has no final state.
func (r *Record) openAt(now time.Time) bool {
	return !now.Before(r.Expires) && !r.Delivery.Status.Final()
}

// end gives an open delivery the state that its silence means. Who typed the PIN in got it, receipt or not.
func (r *Record) end(link string) {
	status, code := DeliveryFailed, DeliveryNoReceipt
	switch {
	case r.Status == StatusVerified:
		status, code = DeliveryDelivered, 0
	case link != "" || r.Delivery.Status == DeliverySent:
	case r.Delivery.Unanswered > 0:
		status, code = DeliveryRejected, DeliveryNoAnswer
	default:
		code = DeliveryNeverSent
	}
	r.Delivery.assume(status, code, r.Expires)
	r.noteDelivery(DeliveryReport{MessageID: r.Message, Link: link, Status: status, ErrorCode: &code, Assumed: true}, r.Expires)
}

// assume ends a delivery in a state that no carrier told.
func (d *Delivery) assume(status DeliveryStatus, code int, at time.Time) {
	var errorCode *int
	if status.failed() {
		errorCode = &code
	}
	d.Status, d.ErrorCode, d.At, d.Assumed = status, errorCode, at, true
	for i := range d.Parts {
		if p := &d.Parts[i]; !p.Status.Final() {
			p.Status, p.ErrorCode, p.At, p.Assumed = status, errorCode, at, true
		}
	}
}

// shownAt is the record as it is shown at a time: one whose timer has not fired, or that has none, ends by
// the clock.
func (s *Service) shownAt(ctx context.Context, r *Record, now time.Time) (Otp, error) {
	if r.openAt(now) {
		link, err := s.sentOver(ctx, r.Message)
		if err != nil {
			return Otp{}, err
		}
		r.end(link)
	}
	return s.show(r, now), nil
}
