package otp

import (
	"context"
	"encoding/binary"
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

// spent is what is counted for each number of an application.
type spent struct{ kind, refusal string }

var (
	sends = spent{"send", "Too many messages to this phone number: at most %d in %s"}
	tries = spent{"try", "Too many tries to verify this phone number: at most %d in %s"}
)

// use is one use by one of whom an application counts, and what that is limited to.
type use struct {
	what   spent
	who    string // a number, or what the caller names
	limits Limits
}

// spending counts uses with a transaction, unless one of them would be over a limit: then it is CodeRateLimit, and nothing is
// stored. The times of the uses are changed by compare-and-set, so a limit is exact over all daemons. rest adds the other
// operations; it is called again for each try. A conflict of those is the caller's.
func (s *Service) spending(ctx context.Context, app *App, uses []use, rest func(*queue.Tx) error) error {
	uses = slices.DeleteFunc(uses, func(u use) bool { return len(u.limits) == 0 })
	var pause backoff
	for {
		tx := s.Queue.Begin()
		spentAt := make([]uint64, len(uses))
		for i, u := range uses {
			var err error
			if spentAt[i], err = s.spend(ctx, tx, u.what, app, u.who, u.limits); err != nil {
				return err
			}
		}
		if err := rest(tx); err != nil {
			return err
		}
		err := s.Queue.Commit(ctx, tx)
		if !errors.Is(err, queue.ErrConflict) {
			return err
		}
		moved := false
		for i, u := range uses {
			now, err := s.timesRevision(ctx, u.what, app, u.who)
			if err != nil {
				return err
			}
			moved = moved || now != spentAt[i]
		}
		if !moved {
			return queue.ErrConflict // of the rest
		}
		if err := pause.wait(ctx); err != nil {
			return storeError(err)
		}
	}
}

// spend adds a use to a transaction; revision is that of the uses before, 0 for none.
func (s *Service) spend(ctx context.Context, tx *queue.Tx, what spent, app *App, e164 string, limits Limits) (revision uint64, err error) {
	key, now, longest := s.timesKey(what, app, e164), s.now(), limits.longest()
	e, err := s.Queue.Numbers().Get(ctx, key)
	if err != nil && !errors.Is(err, queue.ErrNotFound) {
		return 0, storeError(err)
	}
	times, err := decodeTimes(e.Value)
	if err != nil {
		return 0, internal(fmt.Errorf("times of %s: %w", key, err))
	}
	oldest := now.Add(-longest).UnixMilli()
	times = slices.DeleteFunc(times, func(t int64) bool { return t <= oldest })
	if limit, until, yes := limits.reached(times, now); yes {
		return 0, &Error{Code: CodeRateLimit, Message: fmt.Sprintf(what.refusal, limit.Max, words(limit.Per)), Limit: limit.Max, Reset: until}
	}
	value := encodeTimes(append(times, now.UnixMilli()))
	if e.Revision == 0 {
		tx.Create(s.Queue.Numbers(), key, value, longest)
	} else {
		tx.Update(s.Queue.Numbers(), key, value, longest, e.Revision)
	}
	return e.Revision, nil
}

func (s *Service) timesRevision(ctx context.Context, what spent, app *App, e164 string) (uint64, error) {
	e, err := s.Queue.Numbers().Get(ctx, s.timesKey(what, app, e164))
	if err != nil && !errors.Is(err, queue.ErrNotFound) {
		return 0, storeError(err)
	}
	return e.Revision, nil
}

// encodeTimes writes the first time, in milliseconds since 1970, and then the distances.
func encodeTimes(times []int64) []byte {
	out := make([]byte, 0, 6+2*len(times))
	var last int64
	for _, t := range times {
		out = binary.AppendVarint(out, t-last)
		last = t
	}
	return out
}

func decodeTimes(value []byte) (times []int64, err error) {
	var last int64
	for len(value) > 0 {
		step, n := binary.Varint(value)
		if n <= 0 {
			return nil, errors.New("not readable")
		}
		last += step
		times, value = append(times, last), value[n:]
	}
	return times, nil
}

func (s *Service) timesKey(what spent, app *App, e164 string) string {
	return what.kind + "." + s.Box.Name(what.kind+":"+app.Name, e164)
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
