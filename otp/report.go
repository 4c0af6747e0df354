package otp

import (
	"context"
	"fmt"
	"time"
)

// DeliveryReport is what became of a message, or of a part of it.
type DeliveryReport struct {
	OtpID     string
	MessageID string // ours (queue.Outbound.ID); "" for the OTP's message, whichever it is
	Part      int    // from 1; 0 for all parts
	Parts     int    // in how many it was sent; 0 when not known
	Status    DeliveryStatus
	ErrorCode *int      // of what failed; ignored for what did not
	At        time.Time // zero: now
}

// Report folds a report into the OTP's delivery and announces a change of the whole as dlr_update. It returns when that is
// stored. Reports may come twice, late, and in any order: a state only moves forward, and the first final one stays. The state
// of the OTP itself does not depend on it. A report of another message than the OTP's is ignored. ErrNotFound when there
// is no such OTP any more.
func (s *Service) Report(ctx context.Context, d DeliveryReport) error {
	if d.Status.Code() == 0 || d.Part < 0 || d.Part > maxDeliveryParts {
		return internal(fmt.Errorf("report of status %q, part %d", d.Status, d.Part))
	}
	return s.change(ctx, d.OtpID, "", func(r *Record, now time.Time) (EventKind, error) {
		if d.MessageID != "" && d.MessageID != r.Message {
			return "", errNoChange
		}
		report := d
		if report.At.IsZero() {
			report.At = now
		}
		report.At = report.At.UTC().Truncate(time.Second)
		changed, announce := r.Delivery.fold(report)
		switch {
		case announce:
			return DlrChange, nil
		case changed:
			return "", nil
		}
		return "", errNoChange
	})
}
