// Package hooks takes what identity servers send when they make and check the code themselves and only want
// it sent: Supabase Auth, Ory Kratos, Zitadel. It translates, and knows no store:
//
//	POST /hooks/supabase/{application} -> signature -> phone number and code -> otp.Service.CreateOnce
//	POST /hooks/kratos/{application}   -> API key   -> phone number and code -> otp.Service.Create
//	POST /hooks/zitadel/{application}  -> API key   -> phone number and code -> otp.Service.Create
//
// The text is the application's template in the language of the number, the code is where its {{pin}} is. The
// identity server verifies; who wants the guard to see what was verified tells it by POST
// /otp/{otpId}/outcome, with the otpId of the answer.
//
// # Supabase Auth
//
// The "Send SMS" hook (config.toml), with OTPGW_APP_SHOP_SUPABASE_SECRET being the same secret:
//
//	[auth.hook.send_sms]
//	enabled = true
//	uri = "https://otpgw.example/hooks/supabase/shop"
//	secrets = "v1,whsec_..."
//
// # Ory Kratos
//
//	courier:
//	  channels:
//	    - id: sms
//	      type: http
//	      request_config:
//	        url: https://otpgw.example/hooks/kratos/shop
//	        method: POST
//	        body: base64://ZnVuY3Rpb24oY3R4KSBjdHg=   # function(ctx) ctx
//	        auth:
//	          type: api_key
//	          config: { name: X-API-KEY, value: the application's key, in: header }
//
// # Zitadel
//
// An SMS provider of the type HTTP (POST /admin/v1/sms/http) with the key in its endpoint, which is sent as
// HTTP Basic:
//
//	{"endpoint": "https://shop:the-application's-key@otpgw.example/hooks/zitadel/shop"}
//
// # Keycloak and others
//
// Whatever can post JSON: POST /otp with {"phoneNumber": "...", "pin": "..."} and an X-API-KEY, for an
// application with OTPGW_APP_<NAME>_OWN_PIN=on.
package hooks
