package client

import (
	"context"
	"net/http"
	"net/url"
)

// Verification is a PIN with what may go with it.
type Verification struct {
	Pin     string `json:"pin"`
	Context any    `json:"context,omitempty"` // that of NewOtp, where it had one
	Proof   bool   `json:"proof,omitempty"`   // a signed proof is wanted
}

// VerifyPin checks what the user typed: POST /otp/{otpId}. It returns nil for the right PIN; for a wrong one
// an *Error of type TypeInvalidPIN, or TypeOtpFailed when that was the last attempt.
func (c *Client) VerifyPin(ctx context.Context, otpID, pin string) error {
	_, err := c.Verify(ctx, otpID, Verification{Pin: pin})
	return err
}

// Verify is VerifyPin with the context that the OTP was asked for, and returns a proof where one is wanted: a
// JWT, to be checked with the keys at /.well-known/jwks.json.
func (c *Client) Verify(ctx context.Context, otpID string, v Verification) (proof string, err error) {
	var answer struct {
		Status Status
		Proof  string
	}
	if err := c.do(ctx, call{method: http.MethodPost, path: "/otp/" + url.PathEscape(otpID), body: v}, &answer); err != nil {
		return "", err
	}
	if answer.Status != Verified { // never let somebody in on an answer that does not say so
		return "", &Error{Status: http.StatusOK, Type: TypeServerError, Message: "the answer does not say VERIFIED"}
	}
	return answer.Proof, nil
}

// TellOutcome tells how an OTP of the caller's own Pin ended: POST /otp/{otpId}/outcome. Telling it again
// changes nothing.
func (c *Client) TellOutcome(ctx context.Context, otpID string, verified bool) (*Otp, error) {
	o := new(Otp)
	body := struct {
		Verified bool `json:"verified"`
	}{verified}
	err := c.do(ctx, call{method: http.MethodPost, path: "/otp/" + url.PathEscape(otpID) + "/outcome", body: body, repeat: harmless}, o)
	return ok(o, err)
}

// ConsumeOtp takes a verified OTP, which one caller can: POST /otp/{otpId}/consume. A try whose answer is
// lost may have taken it, so it is not made again.
func (c *Client) ConsumeOtp(ctx context.Context, otpID string) (*Otp, error) {
	o := new(Otp)
	err := c.do(ctx, call{method: http.MethodPost, path: "/otp/" + url.PathEscape(otpID) + "/consume"}, o)
	return ok(o, err)
}
