package camara

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api"
	"github.com/otpgw/otpgw/otp/internal/strictjson"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/otp/token"
)

// Service is what CAMARA needs of otp.Service.
type Service interface {
	ParseNewOtp(body []byte, app *otp.App) (otp.NewOtp, error)
	CreateNewest(ctx context.Context, app *otp.App, n otp.NewOtp) (otp.Otp, error)
	Verify(ctx context.Context, app *otp.App, id string, g pin.Guess) error
}

const base = "/one-time-password-sms/v1"

// DocumentPath is where Document is served.
const DocumentPath = base + "/openapi.yaml"

// Document describes the API as this gateway has it (OpenAPI 3.0).
//
//go:embed openapi.yaml
var Document []byte

// Faces are the calls of the API, for api.Config.
func Faces(s Service) []api.Face {
	return []api.Face{
		{Path: base + "/send-code", Scope: token.ScopeCAMARA, Before: correlate, Serve: allowed(sendCode(s)), Refuse: refuse},
		{Path: base + "/validate-code", Scope: token.ScopeCAMARA, Before: correlate, Serve: allowed(validateCode(s)), Refuse: refuse},
	}
}

type serve = func(ctx context.Context, app *otp.App, r *http.Request, body []byte) (int, any, error)

// allowed: only for applications that have it.
func allowed(do serve) serve {
	return func(ctx context.Context, app *otp.App, r *http.Request, body []byte) (int, any, error) {
		if !app.CAMARA {
			return 0, nil, errNotAllowed
		}
		return do(ctx, app, r, body)
	}
}

var correlator = regexp.MustCompile(`^[a-zA-Z0-9-]{0,55}$`)

// correlate gives the x-correlator back, on each answer, errors too.
func correlate(w http.Header, r *http.Request) error {
	values := r.Header.Values("x-correlator")
	if len(values) == 0 {
		return nil
	}
	if len(values) > 1 || !correlator.MatchString(values[0]) {
		return invalid("The x-correlator is not at most 55 letters, digits and hyphens")
	}
	w.Set("x-correlator", values[0])
	return nil
}

const (
	label       = "{{code}}"
	maxMessage  = 160 // characters
	maxID       = 36
	maxCode     = 10
	placeholder = "{{pin}}" // ours
)

var phoneNumber = regexp.MustCompile(`^\+[1-9][0-9]{4,14}$`)

type sendCodeResponse struct {
	AuthenticationID string `json:"authenticationId"`
}

func sendCode(s Service) serve {
	return func(ctx context.Context, app *otp.App, _ *http.Request, body []byte) (int, any, error) {
		f, err := strict(body, "phoneNumber", "message")
		if err != nil {
			return 0, nil, err
		}
		number, message := f["phoneNumber"], f["message"]
		switch {
		case !phoneNumber.MatchString(number):
			return 0, nil, invalid("The phoneNumber is not in E.164 with a leading +")
		case !strings.Contains(message, label):
			return 0, nil, invalid("The message does not contain " + label)
		case utf8.RuneCountInString(message) > maxMessage:
			return 0, nil, invalid("The message is longer than 160 characters")
		}
		request, err := json.Marshal(map[string]string{"phoneNumber": number, "template": strings.ReplaceAll(message, label, placeholder)})
		if err != nil {
			return 0, nil, err
		}
		n, err := s.ParseNewOtp(request, app)
		if err != nil {
			return 0, nil, excluded(number, err)
		}
		if !n.Phone.TakesSMS() {
			return 0, nil, errTakesNoSMS
		}
		o, err := s.CreateNewest(ctx, app, n)
		return http.StatusOK, sendCodeResponse{o.OtpID}, ofNumber(err)
	}
}

// excluded: a number that is one, and is refused all the same, is of a kind that the application's policy
// leaves out.
func excluded(number string, err error) error {
	var refused *otp.Error
	if _, valid := phone.Parse(number, ""); valid && errors.As(err, &refused) && refused.Code == otp.CodePhoneInvalid {
		return errTakesNoSMS
	}
	return err
}

func validateCode(s Service) serve {
	return func(ctx context.Context, app *otp.App, _ *http.Request, body []byte) (int, any, error) {
		f, err := strict(body, "authenticationId", "code")
		if err != nil {
			return 0, nil, err
		}
		id, code := f["authenticationId"], f["code"]
		switch {
		case utf8.RuneCountInString(id) > maxID:
			return 0, nil, invalid("The authenticationId is longer than 36 characters")
		case utf8.RuneCountInString(code) > maxCode:
			return 0, nil, invalid("The code is longer than 10 characters")
		}
		g := pin.Guess{Text: code}
		if g.Blank() {
			return 0, nil, invalid("The code is empty")
		}
		return http.StatusNoContent, nil, s.Verify(ctx, app, id, g)
	}
}

// strict reads an object that has exactly these fields, all of them texts.
func strict(body []byte, names ...string) (map[string]string, error) {
	fields, err := otp.ParseFields(body)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string)
	for _, name := range names {
		raw, there := fields[name]
		if !there {
			return nil, invalid("The property " + name + " is missing")
		}
		var text *string
		if json.Unmarshal(raw, &text) != nil || text == nil {
			return nil, invalid("The property " + name + " is not a string")
		}
		if strictjson.HalvesPair(raw) {
			return nil, invalid("The property " + name + " contains half of a character (a lone surrogate)")
		}
		texts[name] = *text
	}
	if len(fields) > len(names) {
		return nil, invalid("The body has a property that this API does not know")
	}
	return texts, nil
}
