// Package camara is CAMARA's API one-time-password-sms 1.1 (camaraproject/OTPValidation) over package otp. It
// translates, and knows no store:
//
//	POST /one-time-password-sms/v1/send-code     {phoneNumber, message}      -> otp.Service.CreateNewest -> {authenticationId}
//	POST /one-time-password-sms/v1/validate-code {authenticationId, code}    -> otp.Service.Verify       -> 204
//
// Callers show an access token with the scope one-time-password-sms:send-validate (POST /oauth/token), or
// what is good for the rest of the API. Applications have it by OTPGW_APP_<NAME>_CAMARA=on. The
// authenticationId is the otpId, so callbacks and GET /otp/{otpId} are there too.
//
// What an error of the domain is in CAMARA's words stands in one table, in errors.go. A number that fits the
// pattern and is in no numbering plan belongs to no operator: NOT_FOUND. Only the newest code that was sent
// to a number is good.
package camara
