package otp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp/phone"
	"github.com/rs/zerolog"
)

// The guard is against SMS pumping: someone has a share in what messages to some numbers cost, and makes the application's
// sign-up page send to them. Such messages are never verified. So it counts, for each application, the OTPs sent and verified
// to each country and to each prefix (a number less its last four digits), and finds risk in those that are hardly ever
// verified. Counts are in the store (queue.Guard), shared by all daemons, and at most a second behind, see watch.

// GuardMode is what is done about risk.
type GuardMode string

// The modes.
const (
	GuardOff     GuardMode = "off"     // nothing is counted
	GuardObserve GuardMode = "observe" // logged, counted, and shown as risk in the answer
	GuardEnforce GuardMode = "enforce" // and not sent
)

// Guard is an application's settings of the guard. The zero value is off.
type Guard struct {
	Mode  GuardMode
	Allow []string // countries, ISO 3166-1; empty for all
	Deny  []string // countries
	Trust []string // prefixes of E.164 numbers, with "+", that are never a risk

	// A prefix is a risk with this many not verified in a day, or half as many in an hour, when the share verified is below
	// Share. A country is with CountryUnverified, or with Share of its best day's verified in a fortnight where that is more,
	// in a day, or half as many in an hour, when less than half are verified. 0 turns a rule off.
	PrefixUnverified  int
	CountryUnverified int
	Share             float64 // 0 to 1
}

// The risks, as the answer has them.
const (
	RiskCountry        = "country"         // not allowed, or denied
	RiskNumberType     = "number_type"     // premium, shared cost, toll free, pager, voicemail: no phone reads SMS there
	RiskPrefixTraffic  = "prefix_traffic"  // hardly any verified among the neighbouring numbers
	RiskCountryTraffic = "country_traffic" // many more not verified than usual in the country
)

// countryShare is the share verified from which a country's traffic is taken for people.
const countryShare = 0.5

// guardSkipped is the mode that risks are counted under when the application vouched for the request.
const guardSkipped GuardMode = "skip"

// judge finds the risks of a message. In mode enforce any is an error, CodeGuard, unless the application vouches for it.
func (s *Service) judge(ctx context.Context, app *App, n NewOtp, now time.Time) ([]string, error) {
	g, p := &app.Guard, n.Phone
	if !g.on() || g.trusts(p.E164) {
		return nil, nil
	}
	var risks []string
	if len(g.Allow) > 0 && !slices.Contains(g.Allow, p.Country) || slices.Contains(g.Deny, p.Country) {
		risks = append(risks, RiskCountry)
	}
	if p.Special() {
		risks = append(risks, RiskNumberType)
	}
	prefix, country := s.groups(app.Name, p.E164, p.Country)
	if t := s.watch.tally(ctx, s, prefix, now); g.prefixRisk(t, now) {
		risks = append(risks, RiskPrefixTraffic)
	}
	if t := s.watch.tally(ctx, s, country, now); g.countryRisk(t, now) {
		risks = append(risks, RiskCountryTraffic)
	}
	if len(risks) == 0 {
		return nil, nil
	}
	mode := g.Mode
	if n.Vouched {
		mode = guardSkipped
	}
	level := zerolog.DebugLevel
	if s.watch.count(app.Name, mode, risks) {
		level = zerolog.WarnLevel
	}
	s.Log.WithLevel(level).Str("app", app.Name).Str("to", phone.Mask(p.E164)).Str("country", p.Country).Strs("risk", risks).
		Str("guard", string(mode)).Msg("the guard sees a risk of SMS pumping")
	if mode == GuardEnforce {
		return nil, &Error{Code: CodeGuard, Message: fmt.Sprintf("Messages to this phone number are not allowed (%s)", strings.Join(risks, ", "))}
	}
	return risks, nil
}

// watched counts an OTP that was sent, or was verified. Both count for the time it was made.
func (s *Service) watched(app *App, r *Record, sent, verified int) {
	s.converted(r, sent, verified)
	if verified > 0 {
		s.convertedOver(r, sent, verified)
	}
	if !app.Guard.on() || r.Test || app.Guard.trusts(r.Phone) {
		return
	}
	prefix, country := s.groups(app.Name, r.Phone, r.Country)
	for _, group := range []string{prefix, country} {
		s.watch.add(group, r.Created, sent, verified)
	}
}

func (g *Guard) on() bool { return g.Mode == GuardObserve || g.Mode == GuardEnforce }

func (g *Guard) trusts(e164 string) bool {
	return slices.ContainsFunc(g.Trust, func(prefix string) bool { return strings.HasPrefix(e164, prefix) })
}

// prefixDigits are the last digits of a number, which its prefix is without.
const prefixDigits = 4

// groups are the keys of a number's prefix and country. A prefix is half a number, so it has a name instead.
func (s *Service) groups(app, e164, country string) (prefix, nation string) {
	cut := max(len(e164)-prefixDigits, 0)
	return "prefix." + s.Box.Name("prefix:"+app, e164[:cut]), "country." + s.Box.Name("country:"+app, "") + "." + country
}

func (g *Guard) prefixRisk(t tally, now time.Time) bool {
	day, hour := t.since(now, 24*time.Hour), t.since(now, time.Hour)
	return day.unverified(g.PrefixUnverified, g.Share) || hour.unverified(half(g.PrefixUnverified), g.Share)
}

func (g *Guard) countryRisk(t tally, now time.Time) bool {
	if g.CountryUnverified == 0 {
		return false
	}
	most := max(g.CountryUnverified, int(g.Share*float64(t.bestDay())))
	day, hour := t.since(now, 24*time.Hour), t.since(now, time.Hour)
	return day.unverified(most, countryShare) || hour.unverified(half(most), countryShare)
}

func half(n int) int { return (n + 1) / 2 }

// unverified: at least so many, and the share verified is below share. 0 is never.
func (w window) unverified(least int, share float64) bool {
	return least > 0 && w.Sent-w.Verified >= least && float64(w.Verified) < share*float64(w.Sent)
}
