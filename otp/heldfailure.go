package otp

import (
	"context"
	"time"
)

// A failure is not told while another message follows by itself (App.ResendAfter): the application hears of
// what the user gets. Until then the delivery is shown as on its way. It is told when nothing follows after
// all, or at the end of the PIN.

// hold says whether the failure of a record's message is to be kept back, because the timer sends another one
// in time.
func (s *Service) hold(r *Record) bool {
	app := s.app(r.App)
	return r.Delivery.Status.failed() && app != nil && app.ResendAfter > 0 && r.Resends < app.MaxResends && r.Status == StatusPending &&
		!r.Test && len(r.Text) > 0 && r.LastSent.Add(app.ResendInterval).Before(r.Expires)
}

// tellHeld announces the failure that was kept back.
func (s *Service) tellHeld(ctx context.Context, id string) error {
	return s.change(ctx, id, "", func(r *Record, _ time.Time) (EventKind, error) {
		if !r.Held {
			return "", errNoChange
		}
		r.Held = false
		return DlrChange, nil
	})
}

// shownDelivery is the delivery as it is told: without a failure that is kept back.
func (r *Record) shownDelivery(now time.Time) Delivery {
	d := r.Delivery
	if !r.Held || !now.Before(r.Expires) {
		return d
	}
	d.Status, d.ErrorCode, d.Assumed = DeliverySent, nil, false
	d.Parts = make([]PartDelivery, len(r.Delivery.Parts))
	for i, p := range r.Delivery.Parts {
		if p.Status.failed() {
			p.Status, p.ErrorCode, p.Assumed = DeliverySent, nil, false
		}
		d.Parts[i] = p
	}
	return d
}
