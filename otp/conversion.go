package otp

import (
	"context"

	"github.com/otpgw/otpgw/otp/conversion"
)

// converted counts for Conversion, as count does for the guard, and whatever the guard's settings are.
func (s *Service) converted(r *Record, sent, verified int) {
	if !r.Test {
		s.counter.Add(conversion.Country(r.App, r.Country), r.Created, sent, verified)
	}
}

// convertedOver counts for the link that carries an OTP.
func (s *Service) convertedOver(r *Record, sent, verified int) {
	if !r.Test && r.Link != "" {
		s.counter.Add(conversion.Link(r.App, r.Link), r.Created, sent, verified)
	}
}

// Conversion is what became of an application's OTPs in the last days.
func (s *Service) Conversion(ctx context.Context, app *App) (conversion.Report, error) {
	var links []string
	if s.Links != nil {
		links = s.Links()
	}
	report, err := conversion.Book{Counter: &s.counter, Store: s.countStore()}.Read(ctx, app.Name, links)
	return report, storeErrorOrNil(err)
}
