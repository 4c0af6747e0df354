package hooks

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api"
	"github.com/otpgw/otpgw/otp/pin"
)

// Service is what the hooks need of otp.Service.
type Service interface {
	ParseNewOtp(body []byte, app *otp.App) (otp.NewOtp, error)
	Create(ctx context.Context, app *otp.App, n otp.NewOtp) (otp.Otp, error)
	CreateOnce(ctx context.Context, app *otp.App, key string, body []byte, n otp.NewOtp) (o otp.Otp, replayed bool, err error)
}

// Faces are the hooks, for api.Config.
func Faces(s Service, apps []otp.App) []api.Face {
	return []api.Face{supabase(s, apps), byKey("/hooks/kratos/{application}", s, readKratos), byKey("/hooks/zitadel/{application}", s, readZitadel)}
}

// message is what an identity server wants sent.
type message struct{ phone, code string }

var (
	errPayload  = &otp.Error{Code: otp.CodeInvalidBody, Message: "The payload has no phone number and code that can be sent"}
	errNoCaller = &otp.Error{Code: otp.CodeUnknownPath, Message: "No such application, or the key is another's"}
)

// newOtp makes the request of a message. The code has to be one that can be an OTP's PIN.
func newOtp(s Service, app *otp.App, m message) (otp.NewOtp, error) {
	if m.phone == "" || !pin.ValidOwn(m.code) {
		return otp.NewOtp{}, errPayload
	}
	body, err := json.Marshal(map[string]string{"phoneNumber": m.phone})
	if err != nil {
		return otp.NewOtp{}, err
	}
	n, err := s.ParseNewOtp(body, app)
	n.PIN = m.code
	return n, err
}

// sent answers a hook that went through. Identity servers look at the status only.
type sent struct {
	OtpID string `json:"otpId"`
}

// byKey is a hook whose caller shows an API key or access token.
func byKey(path string, s Service, read func(body []byte) (message, error)) api.Face {
	return api.Face{
		Path: path,
		Serve: func(ctx context.Context, app *otp.App, r *http.Request, body []byte) (int, any, error) {
			if r.PathValue("application") != app.Name {
				return 0, nil, errNoCaller
			}
			m, err := read(body)
			if err != nil {
				return 0, nil, err
			}
			n, err := newOtp(s, app, m)
			if err != nil {
				return 0, nil, err
			}
			o, err := s.Create(ctx, app, n)
			return http.StatusOK, sent{o.OtpID}, err
		},
		Refuse: func(err error, e *otp.Error, status int) (int, any) { return status, refusal(e, status) },
	}
}

// refused is an error as Supabase Auth reads it; others only log it.
type refused struct {
	Error struct {
		HTTPCode int    `json:"http_code"`
		Message  string `json:"message"`
	} `json:"error"`
}

func refusal(e *otp.Error, status int) (r refused) {
	r.Error.HTTPCode, r.Error.Message = status, e.Message
	return r
}
