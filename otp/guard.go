package otp

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

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
	return counts.Store{Bucket: s.Queue.Guard(), Now: s.now, Log: s.Log}
}

func (s *Service) countsOf(ctx context.Context, key string) counts.Counts {
	return s.counter.Of(ctx, s.countStore(), key)
}

// Blocks are what operators said of numbers, before anything is judged.
func (s *Service) Blocks() guard.Blocks { return guard.Blocks{Bucket: s.Queue.Blocks(), Now: s.now} }

// riskDenied is of a number that an operator denies.
const riskDenied = "denied"

// judge finds the risks of a message, those that are known of its number among them. In mode enforce any is
// an error, CodeGuard, unless the application vouches for it. What an operator said of the number comes
// first.
func (s *Service) judge(ctx context.Context, app *App, n NewOtp, known []string, now time.Time) ([]string, error) {
	settings, to := &app.Guard, n.Phone
	said, ok, err := s.Blocks().Of(to.E164)
	switch {
	case err != nil:
		return nil, storeError(err)
	case ok && said.Allow:
		return nil, nil
	case ok:
		s.found.Add(app.Name, guard.Enforce, []string{riskDenied})
		return nil, &Error{Code: CodeGuard, Message: "Messages to this phone number are not allowed (" + riskDenied + ")"}
	}
	if settings.Trusts(to.E164) {
		return nil, nil
	}
	if !settings.On() {
		return known, nil
	}
	prefix, country := s.groups(app.Name, to.E164, to.Country)
	risks := append(settings.Risks(to, s.countsOf(ctx, prefix), s.countsOf(ctx, country), now), known...)
	if len(risks) == 0 {
		return nil, nil
	}
	mode := settings.Mode
	if n.Vouched {
		mode = guard.Skip
	}
	level := zerolog.DebugLevel
	if s.found.Add(app.Name, mode, risks) {
		level = zerolog.WarnLevel
	}
	s.Log.WithLevel(level).Str("app", app.Name).Str("to", phone.Mask(to.E164)).Str("country", to.Country).Strs("risk", risks).
		Str("guard", string(mode)).Msg("the guard sees a risk of SMS pumping")
	if mode == guard.Enforce {
		return nil, &Error{Code: CodeGuard, Message: fmt.Sprintf("Messages to this phone number are not allowed (%s)", strings.Join(risks, ", "))}
	}
	return risks, nil
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
	prefix, country := s.groups(app.Name, r.Phone, r.Country)
	for _, group := range []string{prefix, country} {
		s.counter.Add(group, r.Created, sent, verified)
	}
}

// prefixDigits are the last digits of a number, which its prefix is without.
const prefixDigits = 4

// groups are the keys of a number's prefix and country. A prefix is half a number, so it has a name instead.
func (s *Service) groups(app, e164, country string) (prefix, nation string) {
	cut := max(len(e164)-prefixDigits, 0)
	return "prefix." + s.Box.Name("prefix:"+app, e164[:cut]), "country." + s.Box.Name("country:"+app, "") + "." + country
}
