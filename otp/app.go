package otp

import (
	"net/netip"
	"time"

	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/otp/pin"
)

// App is one application: who may ask for OTPs, and what a request that leaves a field out gets.
// It is configuration: built once at start, then only read.
type App struct {
	Name    string   // the application id of the API
	APIKeys []string // accepted in X-API-KEY or as a bearer token
	Secret  string   // OAuth client secret; empty when the application uses keys only

	Senders   []string            // approved senders; a `from` outside them becomes From
	From      string              // the default sender, always one of Senders
	SendersIn map[string][]string // approved in a country instead of Senders, the default one first

	Template    string            // the plain template, holds {{pin}}
	Templates   map[string]string // by language subtag in lower case: "fr", "bg"
	TTL         time.Duration     // 60 s to 1800 s
	MaxAttempts int               // 1 to 10
	PINType     pin.Type
	PINLength   int // 4 to 10

	CallbackURL     string         // empty: no callback unless the request names a URL
	CallbackSecrets []string       // each whsec_ and base64 of 24 to 64 bytes, the newest first; all of them sign each callback
	Allow           []netip.Prefix // that its callers come from; empty for anywhere
	Rate            float64        // requests per second over the API; 0 is no limit

	MOURL     string // told of what handsets write to the application's senders; empty: nobody is
	StopReply string // to who wants no more messages; empty for none
	HelpReply string // to who asks for help; empty: it is a message like any other

	TLVs   map[uint16][]byte            // optional parameters on each of its messages, by tag
	TLVsIn map[string]map[uint16][]byte // and on those in a template's language

	SenderRules SenderRules // what countries do not deliver; empty: enforced
	DLT         DLT
	Policy      Policy

	SendLimits limit.Limits            // messages to one number
	Limits     map[string]limit.Limits // messages by what a request names: its caller's address, session, device
	TryLimits  limit.Limits            // guesses, over all OTPs of one number

	MaxResends     int           // of one OTP; 0 is none
	ResendInterval time.Duration // least time between two messages of one OTP
	ResendAfter    time.Duration // without a receipt, and at once after a failure: sent again by itself; 0 is never

	Guard guard.Settings

	Quotas Quotas // what it may use up in a day, a month, an hour

	WebOTPDomain string // "example.com": its web pages may read the PIN; empty for none
	AppHash      string // of an Android app that may read the PIN: 11 characters; empty for none
	// SupabaseSecret is that of Supabase Auth's hook: v1,whsec_ and base64, several separated by "|"; empty
	// for no hook.
	SupabaseSecret string
	CAMARA         bool              // one-time-password-sms is for it too
	OwnPIN         bool              // a request may bring the PIN to be sent
	TestNumbers    map[string]string // PIN by E.164 number; nothing is sent to them
}

// Reconfigure gives the service other applications while it works. What is under way goes on with the old
// ones.
func (s *Service) Reconfigure(apps []App) { s.apps.Store(&apps) }

// present are the applications as they are now.
func (s *Service) present() []App {
	if changed := s.apps.Load(); changed != nil {
		return *changed
	}
	return s.Apps
}

// app finds an application that the service knows.
func (s *Service) app(name string) *App {
	apps := s.present()
	for i := range apps {
		if apps[i].Name == name {
			return &apps[i]
		}
	}
	return nil
}
