package otp

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp/conversion"
	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/internal/counts"
	"github.com/otpgw/otpgw/otp/phone"
)

// Risks tells how often the guard found each, since the start: 0 too, where an application has it look.
func (s *Service) Risks() map[guard.Risk]uint64 {
	found := s.found.Counts()
	for _, app := range s.present() {
		if !app.Guard.On() {
			continue
		}
		for _, name := range guard.Names {
			found[guard.Risk{App: app.Name, Mode: app.Guard.Mode, Name: name}] += 0
		}
	}
	return found
}

// RunCounts stores what is counted for the guard and for Conversion, until ctx ends, and then what is left.
func (s *Service) RunCounts(ctx context.Context) error { return s.counter.Run(ctx, s.countStore()) }

func (s *Service) countStore() counts.Store {
	return counts.Store{Bucket: s.Queue.Guard(), Key: s.countKey, Alone: s.Queue.Alone(), Now: s.now, Log: s.Log}
}

// The groups that the guard judges by.
const (
	byPrefix  = "prefix"
	byCountry = "country"
)

// countKey is what the store calls a group. A prefix is half a number, so it has a name instead.
func (s *Service) countKey(g counts.Group) string {
	switch g.Kind {
	case byPrefix:
		return "prefix." + s.Box.Name("prefix:"+g.App, g.Name)
	case byCountry:
		return "country." + s.Box.Name("country:"+g.App, "") + "." + g.Name
	}
	return conversion.Key(s.Box, g)
}

// Blocks are what operators said of numbers, before anything is judged.
func (s *Service) Blocks() guard.Blocks { return guard.Blocks{Bucket: s.Queue.Blocks(), Now: s.now} }

// riskDenied is of a number that an operator denies.
const riskDenied = "denied"

// verdict is what the guard and the operator say of a message.
type verdict struct {
	allowed, denied bool     // by the operator; nothing else counts then
	risks           []string // found, or known of the number; none where the application trusts it
	mode            guard.Mode
}

// refused are the risks for which the message is not sent.
func (v verdict) refused() []string {
	switch {
	case v.denied:
		return []string{riskDenied}
	case v.mode == guard.Enforce:
		return v.risks
	}
	return nil
}

// weigh finds the risks of a message, those that are known of its number among them. What an operator said of
// the number comes first.
func (s *Service) weigh(ctx context.Context, app *App, n NewOtp, known []string, now time.Time) (verdict, error) {
	settings, to := &app.Guard, n.Phone
	said, ok, err := s.Blocks().Of(to.E164)
	switch {
	case err != nil:
		return verdict{}, storeError(err)
	case ok:
		return verdict{allowed: said.Allow, denied: !said.Allow}, nil
	case settings.Trusts(to.E164):
		return verdict{}, nil
	case !settings.On():
		return verdict{risks: known}, nil
	}
	prefix, country := groups(app.Name, to.E164, to.Country)
	store := s.countStore()
	found := settings.Risks(to, s.counter.Traffic(ctx, store, prefix, now), s.counter.Traffic(ctx, store, country, now))
	v := verdict{risks: append(found, known...), mode: settings.Mode}
	if n.Vouched {
		v.mode = guard.Skip
	}
	return v, nil
}

// judge is the risks that the record keeps. In mode enforce any is an error, CodeGuard, unless the
// application vouches for the message; so is what an operator denies. What is found is counted and logged.
func (s *Service) judge(ctx context.Context, app *App, n NewOtp, known []string, now time.Time) ([]string, error) {
	v, err := s.weigh(ctx, app, n, known, now)
	switch {
	case err != nil:
		return nil, err
	case v.denied:
		s.found.Add(app.Name, guard.Enforce, v.refused())
	case len(v.risks) > 0 && app.Guard.On():
		s.tellRisks(app, n, v)
	}
	if refused := v.refused(); len(refused) > 0 {
		return nil, guarded(refused)
	}
	return v.risks, nil
}

func guarded(risks []string) error {
	return &Error{Code: CodeGuard, Message: fmt.Sprintf("Messages to this phone number are not allowed (%s)", strings.Join(risks, ", "))}
}

func (s *Service) tellRisks(app *App, n NewOtp, v verdict) {
	level := zerolog.DebugLevel
	if s.found.Add(app.Name, v.mode, v.risks) {
		level = zerolog.WarnLevel
	}
	s.Log.WithLevel(level).Str("app", app.Name).Str("to", phone.Mask(n.Phone.E164)).Str("country", n.Phone.Country).Strs("risk", v.risks).
		Str("guard", string(v.mode)).Msg("the guard sees a risk of SMS pumping")
}

// count counts an OTP that was sent, or was verified, for Conversion and the guard. Both count for the time
// it was made.
func (s *Service) count(app *App, r *Record, sent, verified int) {
	s.converted(r, sent, verified)
	if verified > 0 {
		s.convertedOver(r, sent, verified)
	}
	if !app.Guard.On() || r.Test || app.Guard.Trusts(r.Phone) {
		return
	}
	prefix, country := groups(app.Name, r.Phone, r.Country)
	s.counter.Add(prefix, r.Created, sent, verified)
	s.counter.Add(country, r.Created, sent, verified)
}

// prefixDigits are the last digits of a number, which its prefix is without.
const prefixDigits = 4

// groups are those of a number's prefix and country.
func groups(app, e164, country string) (prefix, nation counts.Group) {
	cut := max(len(e164)-prefixDigits, 0)
	return counts.Group{Kind: byPrefix, App: app, Name: e164[:cut]}, counts.Group{Kind: byCountry, App: app, Name: country}
}
