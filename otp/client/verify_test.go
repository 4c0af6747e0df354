package client_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/otpgw/otpgw/otp/client"
)

// TestExtensions: an own PIN with a context and a reference, a proof, one consumer, and an outcome told.
func TestExtensions(t *testing.T) {
	g := newGateway(t)
	c := newClient(t, client.Config{BaseURL: g.url})
	ctx := t.Context()
	payment := map[string]string{"payee": "Ann", "amount": "10.50"}
	o, err := c.NewOtp(ctx, client.NewOtp{PhoneNumber: "+33612345678", Pin: "482913", Template: "{{ref}}: {{amount}} to {{payee}}, {{pin}}", Context: payment,
		Limits: map[string]string{"ip": "192.0.2.7"}, Risk: "skip"})
	if err != nil || len(o.Ref) != 4 {
		t.Fatalf("%+v %v", o, err)
	}
	var refused *client.Error
	if _, err := c.Verify(ctx, o.OtpID, client.Verification{Pin: "482913", Context: map[string]string{"payee": "Bob"}}); !errors.As(err, &refused) || refused.Type != client.TypeInvalidPIN {
		t.Errorf("another payment: %v", err)
	}
	proof, err := c.Verify(ctx, o.OtpID, client.Verification{Pin: "482 913", Context: payment, Proof: true})
	if err != nil || proof == "" {
		t.Errorf("%q %v", proof, err)
	}
	if taken, err := c.ConsumeOtp(ctx, o.OtpID); err != nil || taken.Status != client.Verified {
		t.Errorf("%+v %v", taken, err)
	}
	if _, err := c.ConsumeOtp(ctx, o.OtpID); !errors.As(err, &refused) || refused.Status != http.StatusConflict {
		t.Errorf("again: %v", err)
	}
	if o, err = c.NewOtp(ctx, client.NewOtp{PhoneNumber: "+33612345678", Pin: "482913"}); err != nil {
		t.Fatal(err)
	}
	if told, err := c.TellOutcome(ctx, o.OtpID, false); err != nil || told.Status != client.Failed {
		t.Errorf("%+v %v", told, err)
	}
}
