package otp

import "time"

// What an application or a request may ask for (otp-api.md, "Endpoints"). Package config keeps to the same
// bounds.
const (
	MinTTL, MaxTTL           = 60 * time.Second, 1800 * time.Second
	MinAttempts, MaxAttempts = 1, 10
	MaxTemplate              = 1000 // characters of an application's text
	MaxResends               = 10
	MinResendInterval        = time.Second
	MaxDigits                = 15 // of a telephone number (ITU-T E.164, 6.1)
)
