package otp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
)

// usage is what is counted for each number of an application, and what a caller is told who is over the
// limit.
type usage struct{ kind, refusal string }

var (
	sends = usage{"send", "Too many messages to this phone number: at most %d in %s"}
	tries = usage{"try", "Too many tries to verify this phone number: at most %d in %s"}
)

// use is one use by one of whom an application counts.
type use struct {
	what   usage
	who    string // a number, or what the caller names
	limits limit.Limits
}

// commitUses counts uses with a transaction, unless one of them would be over a limit: then it is
// CodeRateLimit, and nothing is stored. rest adds the other operations; it is called again for each try. A
// conflict of those is the caller's.
func (s *Service) commitUses(ctx context.Context, app *App, uses []use, rest func(*queue.Tx) error) error {
	counted := make([]limit.Use, len(uses))
	for i, u := range uses {
		counted[i] = s.counted(app, u)
	}
	err := s.uses().Commit(ctx, counted, rest)
	if err == nil {
		return nil
	}
	for _, u := range uses {
		err = s.overLimit(app, u, err)
	}
	return err
}

// addUse adds a use to a transaction, unless it would be over a limit.
func (s *Service) addUse(tx *queue.Tx, app *App, u use) error {
	return s.overLimit(app, u, s.uses().Add(tx, s.counted(app, u)))
}

func (s *Service) uses() limit.Counter { return limit.Counter{Queue: s.Queue, Now: s.now} }

func (s *Service) counted(app *App, u use) limit.Use {
	return limit.Use{Key: u.what.kind + "." + s.Box.Name(u.what.kind+":"+app.Name, u.who), Limits: u.limits}
}

// overLimit says what it is to the caller that a use is over its limit. Other errors stay what they are.
func (s *Service) overLimit(app *App, u use, err error) error {
	var over *limit.Reached
	if !errors.As(err, &over) || over.Key != s.counted(app, u).Key {
		return err
	}
	return &Error{Code: CodeRateLimit, Message: fmt.Sprintf(u.what.refusal, over.Limit.Max, limit.Words(over.Limit.Per)), Limit: over.Limit.Max, Reset: over.Until}
}

// retries spaces the tries after a lost compare-and-set: about the time of a write at first, and short enough
// at last that who waits for another's outcome hears of it at once.
func retries() backoff.Backoff {
	return backoff.Backoff{First: time.Millisecond, Longest: 50 * time.Millisecond}
}
