package hooks

import (
	"context"
	"net/http"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api"
)

// supabase is Supabase Auth's Send SMS hook. The caller proves itself by the signature of Standard Webhooks.
func supabase(s Service, apps []otp.App) api.Face {
	known := make(map[string]*otp.App)
	for i := range apps {
		if apps[i].SupabaseSecret != "" {
			known[apps[i].Name] = &apps[i]
		}
	}
	return api.Face{
		Path: "/hooks/supabase/{application}",
		Caller: func(r *http.Request, body []byte) *otp.App {
			if app := known[r.PathValue("application")]; app != nil && signed(app.SupabaseSecret, body, r.Header) {
				return app
			}
			return nil
		},
		Serve: func(ctx context.Context, app *otp.App, r *http.Request, body []byte) (int, any, error) {
			m, err := readSupabase(body)
			if err != nil {
				return 0, nil, err
			}
			n, err := newOtp(s, app, m)
			if err != nil {
				return 0, nil, err
			}
			// A hook that is tried again has the id of the first try.
			o, _, err := s.CreateOnce(ctx, app, "supabase:"+r.Header.Get("webhook-id"), body, n)
			return http.StatusOK, sent{o.OtpID}, err
		},
		Refuse: refuseSupabase,
	}
}

// verifiers are the keys of a hook's secrets, each of which is good while one takes another's place.
func verifiers(text string) (keys []*standardwebhooks.Webhook) {
	for one := range strings.SplitSeq(text, "|") {
		secret, ok := strings.CutPrefix(strings.TrimSpace(one), "v1,whsec_")
		if !ok {
			continue
		}
		if key, err := standardwebhooks.NewWebhook(secret); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

func signed(secrets string, body []byte, header http.Header) bool {
	for _, key := range verifiers(secrets) {
		if key.Verify(body, header) == nil {
			return true
		}
	}
	return false
}

// readSupabase: the user's number has no "+" in Supabase's database. Of a change of number the new one is in
// sms.phone.
func readSupabase(body []byte) (message, error) {
	fields, err := readObject(body)
	if err != nil {
		return message{}, err
	}
	user, sms := fields.object("user"), fields.object("sms")
	phone, changed := user.text("phone"), user.text("new_phone")
	switch {
	case sms.text("phone") != "":
		phone = sms.text("phone")
	case sms.text("sms_type") == "phone_change" && changed != "", phone == "":
		phone = changed
	}
	if phone = strings.TrimSpace(phone); phone != "" && phone[0] != '+' {
		phone = "+" + phone
	}
	return message{phone, sms.text("otp")}, nil
}

// refuseSupabase: what the user is to be told comes as 200 with an error in it, for of any other status
// Supabase Auth shows its own words; 429 and 503 with Retry-After it tries again by itself; 401 and 400 are
// faults of the set-up.
func refuseSupabase(_ error, e *otp.Error, status int) (int, any) {
	switch {
	case e.Code == otp.CodeInvalidAPIKey:
		return status, refusal(&otp.Error{Message: "The signature is not valid for this application"}, status)
	case status == http.StatusBadRequest && e.Code >= otp.CodePhoneMissing, status == http.StatusForbidden, status == http.StatusConflict:
		return http.StatusOK, refusal(e, status)
	}
	return status, refusal(e, status)
}
