package otp

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// DeliveryReport is what became of a message, or of a part of it.
type DeliveryReport struct {
	OtpID     string
	MessageID string // ours (queue.Outbound.ID); "" for the OTP's message, whichever it is
	Link      string // that it was sent over; "" when not known
	Part      int    // from 1; 0 for all parts
	Parts     int    // in how many it was sent; 0 when not known
	Status    DeliveryStatus
	ErrorCode *int      // of what failed; ignored for what did not
	At        time.Time // zero: now
	Said      string    // the carrier's word for Status
	Assumed   bool      // no carrier said so; a final state that one tells later replaces a failure
}

// Report folds a report into the OTP's delivery and announces a change of the whole as dlr_update. It returns
// when that is stored. Reports may come twice, late, and in any order: a state only moves forward, and the
// first final one stays. The state of the OTP itself does not depend on it. A report of a message that is not
// the OTP's is ignored. ErrNotFound when there is no such OTP any more.
//
// Of an OTP that was sent again, the delivery shown is that of the newest message, until one of the others is
// delivered: all have the same PIN, so the user has it. What else is heard of the others changes nothing that
// is shown.
func (s *Service) Report(ctx context.Context, d DeliveryReport) error {
	if d.Status.Code() == 0 || d.Part < 0 || d.Part > maxDeliveryParts {
		return internal(fmt.Errorf("report of status %q, part %d", d.Status, d.Part))
	}
	var carried *Record // when it is known now which link carries the message
	var arrived *Record // when it is delivered now
	err := s.changeAlong(ctx, d.OtpID, "", func(r *Record, now time.Time) (EventKind, error) {
		report, carrier := d, r.Link
		if report.At.IsZero() {
			report.At = now
		}
		at := report.At
		report.At = report.At.UTC().Truncate(time.Second)
		before := r.Delivery.Status
		ended := r.openAt(now) // and nobody wrote that down yet
		if ended {
			r.end(report.Link)
		}
		changed, announce := r.fold(report)
		if changed && !r.Test {
			r.noteDelivery(d, at)
		}
		if arrived = nil; before != DeliveryDelivered && r.Delivery.Status == DeliveryDelivered && !r.Delivery.Assumed {
			arrived = r
		}
		if carried = nil; carrier == "" && r.Link != "" {
			carried = r
		}
		changed, announce = changed || ended, announce || r.Delivery.Status != before
		switch {
		case announce && s.hold(r):
			r.Held = true
			return "", nil
		case announce:
			r.Held = false
			return DlrChange, nil
		case changed:
			return "", nil
		}
		return "", errNoChange
	}, s.resendSoon)
	if err == nil && carried != nil {
		s.convertedOver(carried, 1, 0)
	}
	if err == nil && arrived != nil && s.Arrived != nil {
		s.Arrived(arrived)
	}
	return err
}

// fold takes in a report of any of the OTP's messages.
func (r *Record) fold(d DeliveryReport) (changed, announce bool) {
	if d.MessageID == "" || d.MessageID == r.Message {
		if d.Link != "" {
			r.Link = d.Link
		}
		return r.Delivery.fold(d)
	}
	i := slices.IndexFunc(r.Others, func(m sentMessage) bool { return m.ID == d.MessageID })
	if i < 0 {
		return false, false
	}
	m := &r.Others[i]
	changed, _ = m.Delivery.fold(d)
	if changed && m.Delivery.Status == DeliveryDelivered && r.Delivery.Status != DeliveryDelivered {
		shown := sentMessage{r.Message, r.Link, r.Delivery}
		r.Message, r.Link, r.Delivery = m.ID, m.Link, m.Delivery
		*m = shown
		return true, true
	}
	return changed, false
}
