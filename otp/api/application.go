package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/otp/token"
)

// application is the answer of GET /applications/{applicationId}. The published clients refuse an answer in
// which a setting of any service of sms.cx is missing, so those that this gateway does not have are there and
// say "none".
type application struct {
	ID              string              `json:"applicationId"`
	Name            string              `json:"name"`
	Scopes          string              `json:"scopes"`
	TokenExpiration string              `json:"tokenExpiration"` // seconds, as text
	Settings        applicationSettings `json:"settings"`
}

type applicationSettings struct {
	Otp otpSettings `json:"otp"`
	noServices
}

type otpSettings struct {
	Template    string   `json:"template"`
	From        string   `json:"from"`
	PINType     pin.Type `json:"pinType"`
	PINLength   int      `json:"pinLength"`
	TTL         int      `json:"ttl"` // seconds
	MaxAttempts int      `json:"maxAttempts"`
	OtpCallback *string  `json:"otpCallback"` // URL; null for none
}

// noServices is what there is of the services that this gateway does not have. Its zero value is all there is
// to say, but for the name of no transliteration, and the URLs that are told of what handsets write.
type noServices struct {
	SMS struct {
		EnforceOriginator *string `json:"enforceOriginator"`
		noChannel
		Transliteration struct {
			Alphabet string `json:"alphabet"`
		} `json:"transliteration"`
	} `json:"sms"`
	Viber        noChannel `json:"viber"`
	WhatsApp     noChannel `json:"whatsapp"`
	Multichannel struct {
		noChannel
		TTL            int  `json:"ttl"`
		ExpireAfterTTL bool `json:"expireAfterTtl"`
	} `json:"multichannel"`
	Shortlinks struct {
		Callback *string `json:"shortlinksCallback"`
	} `json:"shortlinks"`
	Attachments struct {
		Callback *string `json:"attachmentsCallback"`
	} `json:"attachments"`
	Optouts struct {
		Callback *string `json:"optoutsCallback"`
	} `json:"optouts"`
	Lookup struct {
		Callback *string `json:"lookupCallback"`
	} `json:"lookup"`
}

type noChannel struct {
	DlrCallback     *string `json:"dlrCallback"`
	ReceiveCallback *string `json:"receiveCallback"`
	QuietHours      struct {
		Start string `json:"start"`
		Stop  string `json:"stop"`
	} `json:"quietHours"`
}

// application is GET /applications/{applicationId}: the caller's own, for another's is none.
func (h *handler) application(_ context.Context, c *call) (answer, error) {
	app := c.app
	if c.r.PathValue("id") != app.Name {
		return answer{}, errNoApplication
	}
	var callback *string
	if app.CallbackURL != "" {
		callback = &app.CallbackURL
	}
	listener := &app.MOURL
	if app.MOURL == "" {
		listener = nil
	}
	a := application{ID: app.Name, Name: app.Name, Scopes: token.ScopeOtp, TokenExpiration: strconv.Itoa(int(token.TTL.Seconds()))}
	a.Settings.SMS.Transliteration.Alphabet = "NONE"
	a.Settings.SMS.ReceiveCallback = listener
	if a.Settings.Optouts.Callback = listener; listener == nil {
		a.Settings.Optouts.Callback = callback
	}
	a.Settings.Otp = otpSettings{Template: app.Template, From: app.From, PINType: app.PINType, PINLength: app.PINLength,
		TTL: int(app.TTL.Seconds()), MaxAttempts: app.MaxAttempts, OtpCallback: callback}
	return answer{http.StatusOK, a}, nil
}
