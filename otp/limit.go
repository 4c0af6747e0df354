package otp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// Limit is how often something may be done in any stretch of time, not only by the clock's hours.
type Limit struct {
	Max int // 1 to MaxLimit
	Per time.Duration
}

// MaxLimit bounds a limit: the times of all that count are kept.
const MaxLimit = 1000

// Limits hold all at once. None is no limit.
type Limits []Limit

// String is the form of the configuration: 5/10m,10/24h.
func (l Limits) String() string {
	list := make([]string, len(l))
	for i, one := range l {
		list[i] = fmt.Sprintf("%d/%s", one.Max, duration(one.Per))
	}
	return strings.Join(list, ",")
}

// duration writes 10m0s as 10m.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// longest is the longest time that counts.
func (l Limits) longest() time.Duration {
	var longest time.Duration
	for _, one := range l {
		longest = max(longest, one.Per)
	}
	return longest
}

// reached finds the limit that the times, oldest first, have reached, and when it no longer will be. Of several the one
// that lasts longest.
func (l Limits) reached(times []int64, now time.Time) (limit Limit, until time.Time, yes bool) {
	for _, one := range l {
		if len(times) < one.Max {
			continue
		}
		end := time.UnixMilli(times[len(times)-one.Max]).Add(one.Per)
		if end.After(now) && end.After(until) {
			limit, until, yes = one, end, true
		}
	}
	return limit, until, yes
}

// spending is what is counted for each number of an application.
type spending struct{ kind, refusal string }

var (
	sends = spending{"send", "Too many messages to this phone number: at most %d in %s"}
	tries = spending{"try", "Too many tries to verify this phone number: at most %d in %s"}
)

// spend counts one use by a number, unless that would be over a limit: then it is CodeRateLimit. One compare-and-set on the
// times of the uses, so it is exact over all daemons. A refused use does not count.
func (s *Service) spend(ctx context.Context, what spending, app *App, e164 string, limits Limits) error {
	if len(limits) == 0 {
		return nil
	}
	now := s.now()
	// Most numbers have no times: one write, and no read before it.
	first, err := json.Marshal([]int64{now.UnixMilli()})
	if err != nil {
		return internal(err)
	}
	if _, err = s.Queue.Numbers().Create(ctx, s.timesKey(what, app, e164), first, limits.longest()); !errors.Is(err, queue.ErrConflict) {
		return storeErrorOrNil(err)
	}
	return s.changeTimes(ctx, what, app, e164, limits, func(times []int64) ([]int64, error) {
		if limit, until, yes := limits.reached(times, now); yes {
			return nil, &Error{Code: CodeRateLimit, Message: fmt.Sprintf(what.refusal, limit.Max, words(limit.Per)), Limit: limit.Max, Reset: until}
		}
		return append(times, now.UnixMilli()), nil
	})
}

// refund takes back the last use, which came to nothing. An error is no harm but for one use.
func (s *Service) refund(ctx context.Context, what spending, app *App, e164 string, limits Limits) {
	if len(limits) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	_ = s.changeTimes(ctx, what, app, e164, limits, func(times []int64) ([]int64, error) {
		return times[:max(len(times)-1, 0)], nil
	})
}

func (s *Service) timesKey(what spending, app *App, e164 string) string {
	return what.kind + "." + s.Box.Name(what.kind+":"+app.Name, e164)
}

func (s *Service) changeTimes(ctx context.Context, what spending, app *App, e164 string, limits Limits, f func([]int64) ([]int64, error)) error {
	key := s.timesKey(what, app, e164)
	longest := limits.longest()
	var pause backoff
	for {
		e, err := s.Queue.Numbers().Get(ctx, key)
		if err != nil && !errors.Is(err, queue.ErrNotFound) {
			return storeError(err)
		}
		var times []int64
		if len(e.Value) > 0 && json.Unmarshal(e.Value, &times) != nil {
			return internal(fmt.Errorf("times of %s", key))
		}
		oldest := s.now().Add(-longest).UnixMilli()
		times = slices.DeleteFunc(times, func(t int64) bool { return t <= oldest })
		if times, err = f(times); err != nil {
			return err
		}
		value, err := json.Marshal(times)
		if err != nil {
			return internal(err)
		}
		if e.Revision == 0 {
			_, err = s.Queue.Numbers().Create(ctx, key, value, longest)
		} else {
			_, err = s.Queue.Numbers().Update(ctx, key, value, longest, e.Revision)
		}
		if err == nil || !errors.Is(err, queue.ErrConflict) {
			return storeErrorOrNil(err)
		}
		if err := pause.wait(ctx); err != nil {
			return storeError(err)
		}
	}
}

func storeErrorOrNil(err error) error {
	if err == nil {
		return nil
	}
	return storeError(err)
}

// words is a length of time for people: "10 minutes".
func words(d time.Duration) string {
	for _, unit := range []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int64(d / unit.d); n > 0 && d%unit.d == 0 {
			return plural(n, unit.name)
		}
	}
	return plural(int64(d/time.Second), "second")
}

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
