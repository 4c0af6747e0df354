// Package client is the Go client of the gateway's API, and the receiver of its callbacks.
//
//	Client.NewOtp, VerifyPin, ResendOtp, ... -> HTTP, tried again where that is safe -> Otp or *Error
//	Webhook (http.Handler): signature, age, size -> a func with a typed Event
//
// Names are those of the API, field by field. The package stands alone: it needs nothing of the gateway's own
// packages.
//
// # Retries
//
// A request is sent again only when doing it twice is the same as doing it once. NewOtp has an idempotency
// key for that, made here unless the caller gives one, so a lost answer sends no second SMS. GetOtpStatus
// changes nothing, and CancelOtp is done when it is done. VerifyPin counts an attempt and ResendOtp sends a
// message: they are sent again only when the gateway cannot have got them, or said that it did not look at
// them (429).
package client
