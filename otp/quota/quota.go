package quota

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
)

// Period is a stretch of the calendar.
type Period string

// The periods.
const (
	Hour  Period = "hour"
	Day   Period = "day"
	Month Period = "month"
)

// bounds are the name of the period that a time is in, and its end.
func (p Period) bounds(t time.Time) (name string, end time.Time) {
	y, m, d := t.Date()
	switch p {
	case Hour:
		begin := t.Truncate(time.Hour)
		return t.UTC().Format("2006-01-02T15"), begin.Add(time.Hour)
	case Day:
		return t.Format(time.DateOnly), time.Date(y, m, d+1, 0, 0, 0, 0, t.Location())
	}
	return t.Format("2006-01"), time.Date(y, m+1, 1, 0, 0, 0, 0, t.Location())
}

// Quota is how much of something there is in each period.
type Quota struct {
	Name   string // what it is of; it tells whose in the store
	Period Period
	Zone   *time.Location // nil: UTC
	Max    int64          // in whatever units
}

func (q Quota) at(now time.Time) (key string, end time.Time) {
	zone := q.Zone
	if zone == nil {
		zone = time.UTC
	}
	name, end := q.Period.bounds(now.In(zone))
	return q.Name + "." + string(q.Period) + "." + name, end
}

// Use is some of a quota.
type Use struct {
	Quota
	N int64
}

// Exceeded is the error of a use that there is not enough for.
type Exceeded struct {
	Quota
	Until time.Time // when the next period begins
}

func (e *Exceeded) Error() string {
	return fmt.Sprintf("quota: %s: %d in a %s, until %s", e.Name, e.Max, e.Period, e.Until.Format(time.RFC3339))
}

// Levels of use, in percent, that somebody is told of, once in a period.
var levels = []int64{80, 100}

// State is how a quota stands. The numbers of the fields are what is stored.
type State struct {
	Used int64 `cbor:"1,keyasint"` // what daemons have taken and have not given out is among it
	Told int64 `cbor:"2,keyasint,omitempty"`
}

// Keeper keeps quotas. Its exported fields are set before the first call.
type Keeper struct {
	Queue *queue.Queue
	Now   func() time.Time
	// Reached adds to the transaction that comes to a level, in percent, of a quota. Nil: nobody is told.
	Reached func(tx *queue.Tx, q Quota, percent int64, until time.Time)

	mu   sync.Mutex // guards the rest
	have map[string]*allowance
}

// allowance is what this daemon has of a period's quota.
type allowance struct {
	left int64
	end  time.Time
}

const (
	parts      = 64             // of what is left, of which a daemon takes one
	stateLife  = 24 * time.Hour // behind the end of the period
	firstPause = time.Millisecond
	lastPause  = 50 * time.Millisecond
)

// Take uses up what all of uses say, or nothing. back gives it back, when nothing came of it; it is not nil.
func (k *Keeper) Take(ctx context.Context, uses []Use) (back func(), err error) {
	now := k.Now()
	var taken []string
	var amounts []int64
	back = func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		for i, key := range taken {
			if a := k.have[key]; a != nil {
				a.left += amounts[i]
			}
		}
	}
	for _, u := range uses {
		if u.N <= 0 {
			continue
		}
		if err := k.take(ctx, u, now); err != nil {
			back()
			return func() {}, err
		}
		key, _ := u.at(now)
		taken, amounts = append(taken, key), append(amounts, u.N)
	}
	return back, nil
}

func (k *Keeper) take(ctx context.Context, u Use, now time.Time) error {
	key, end := u.at(now)
	pause := backoff.Backoff{First: firstPause, Longest: lastPause}
	for {
		if k.spend(key, end, u.N, now) {
			return nil
		}
		err := k.fetch(ctx, u, key, end, now)
		if err == nil {
			continue
		}
		if !errors.Is(err, queue.ErrConflict) {
			return err
		}
		if err := pause.Wait(ctx); err != nil {
			return err
		}
	}
}

// spend takes from what this daemon has; false when that is not enough.
func (k *Keeper) spend(key string, end time.Time, n int64, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.have == nil {
		k.have = make(map[string]*allowance)
	}
	a := k.have[key]
	if a == nil {
		maps.DeleteFunc(k.have, func(_ string, o *allowance) bool { return !o.end.After(now) })
		a = &allowance{end: end}
		k.have[key] = a
	}
	if a.left < n {
		return false
	}
	a.left -= n
	return true
}

// fetch gets more from the store.
func (k *Keeper) fetch(ctx context.Context, u Use, key string, end, now time.Time) error {
	state, revision, err := k.state(ctx, key)
	if err != nil {
		return err
	}
	k.mu.Lock()
	need := u.N - k.have[key].left
	k.mu.Unlock()
	left := u.Max - state.Used
	if need > left {
		return &Exceeded{u.Quota, end}
	}
	part := max(need, left/parts)
	state.Used += part
	tx := k.Queue.Begin()
	for _, level := range levels {
		if state.Used*100 >= u.Max*level && state.Told < level {
			state.Told = level
			if k.Reached != nil {
				k.Reached(tx, u.Quota, level, end)
			}
		}
	}
	if err := k.put(ctx, tx, key, state, revision, end.Sub(now)); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if a := k.have[key]; a != nil {
		a.left += part
	}
	return nil
}

func (k *Keeper) put(ctx context.Context, tx *queue.Tx, key string, s State, revision uint64, left time.Duration) error {
	data, err := cbor.Marshal(s)
	if err != nil {
		return err
	}
	life := max(left, 0) + stateLife
	if revision == 0 {
		tx.Create(k.Queue.Quotas(), key, data, life)
	} else {
		tx.Update(k.Queue.Quotas(), key, data, life, revision)
	}
	return k.Queue.Commit(ctx, tx)
}

func (k *Keeper) state(ctx context.Context, key string) (s State, revision uint64, err error) {
	e, err := k.Queue.Quotas().Get(ctx, key)
	if errors.Is(err, queue.ErrNotFound) {
		return State{}, 0, nil
	}
	if err == nil {
		err = cbor.Unmarshal(e.Value, &s)
	}
	return s, e.Revision, err
}

// Used is how much of a quota is used up in the present period, and when that ends. What this daemon has in
// hand does not count.
func (k *Keeper) Used(q Quota) (used int64, until time.Time, err error) {
	key, end := q.at(k.Now())
	e, err := k.Queue.Quotas().Near(key)
	if errors.Is(err, queue.ErrNotFound) {
		return 0, end, nil
	}
	var s State
	if err == nil {
		err = cbor.Unmarshal(e.Value, &s)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if a := k.have[key]; a != nil {
		s.Used -= a.left
	}
	return max(s.Used, 0), end, err
}

// Close gives back what this daemon has.
func (k *Keeper) Close(ctx context.Context) error {
	k.mu.Lock()
	have := k.have
	k.have = nil
	k.mu.Unlock()
	var all error
	for _, key := range slices.Sorted(maps.Keys(have)) {
		a := have[key]
		for pause := (backoff.Backoff{First: firstPause, Longest: lastPause}); a.left > 0; {
			state, revision, err := k.state(ctx, key)
			if err == nil && revision != 0 {
				state.Used -= a.left
				err = k.put(ctx, k.Queue.Begin(), key, state, revision, a.end.Sub(k.Now()))
			}
			if errors.Is(err, queue.ErrConflict) {
				err = pause.Wait(ctx)
				if err == nil {
					continue
				}
			}
			all = errors.Join(all, err)
			break
		}
	}
	return all
}
