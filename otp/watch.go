package otp

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/queue"
)

// How the guard counts.
const (
	tallySlot    = 10 * time.Minute // a window of an hour ends at one of these
	tallyDays    = 14
	tallyFresh   = 5 * time.Second // how old a tally may be to judge by
	watchFlush   = time.Second
	watchTimeout = 5 * time.Second
	watchSize    = 16384 // groups in memory, about 500 bytes each
	watchWriters = 16
	warnPause    = 10 * time.Second
)

// window is what was sent and verified in some time.
type window struct {
	Sent     int `json:"s"`
	Verified int `json:"v"`
}

func (w window) plus(o window) window { return window{w.Sent + o.Sent, w.Verified + o.Verified} }

// tally is what the store has of a group: a day in slots, and what was verified and sent on each day of a fortnight. Keys are whole
// slots and days since 1970.
type tally struct {
	Slots    map[int64]window `json:"slots"`
	Days     map[int64]int    `json:"days"`
	SentDays map[int64]int    `json:"sentDays,omitempty"`
}

func slotOf(at time.Time) int64 { return at.Unix() / int64(tallySlot/time.Second) }
func dayOf(at time.Time) int64  { return at.Unix() / 86400 }

// since sums the slots that are at least partly within the time before now.
func (t tally) since(now time.Time, d time.Duration) (sum window) {
	for slot, w := range t.Slots {
		if slot >= slotOf(now.Add(-d)) {
			sum = sum.plus(w)
		}
	}
	return sum
}

func (t tally) bestDay() (best int) {
	for _, n := range t.Days {
		best = max(best, n)
	}
	return best
}

// merge adds and forgets what is too old.
func (t tally) merge(o tally, now time.Time) tally {
	sum := newTally()
	for _, from := range []tally{t, o} {
		for slot, w := range from.Slots {
			if slot >= slotOf(now.Add(-24*time.Hour)) {
				sum.Slots[slot] = sum.Slots[slot].plus(w)
			}
		}
		for day, n := range from.Days {
			if day > dayOf(now)-tallyDays {
				sum.Days[day] += n
			}
		}
		for day, n := range from.SentDays {
			if day > dayOf(now)-tallyDays {
				sum.SentDays[day] += n
			}
		}
	}
	return sum
}

// watch is this daemon's part of the counting. What is counted goes to the store once a second, all of a group in one write:
// a country's counter written with every message would be fought over. So the daemons judge by tallies up to a few
// seconds old, and a daemon that is killed takes a second of counts with it. Memory is bounded: of the groups that have
// nothing to be stored, the ones used least lately go.
type watch struct {
	mu       sync.Mutex
	new, old map[string]*group // when new is full it becomes old
	risks    map[RiskCount]uint64
	warned   map[RiskCount]time.Time // real time
}

// group is guarded by watch.mu.
type group struct {
	stored   tally
	revision uint64
	read     time.Time // real time; zero for never
	pending  tally     // counted here and not stored yet
}

// RiskCount says how often the guard found a risk.
type RiskCount struct {
	App  string
	Mode GuardMode
	Risk string
}

// Risks tells how often the guard found each, since the start.
func (s *Service) Risks() map[RiskCount]uint64 {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	return maps.Clone(s.watch.risks)
}

// count counts risks found, and says whether it is time to warn of them: an attack must not fill the log.
func (w *watch) count(app string, mode GuardMode, risks []string) (warn bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.risks == nil {
		w.risks, w.warned = make(map[RiskCount]uint64), make(map[RiskCount]time.Time)
	}
	for _, risk := range risks {
		c := RiskCount{app, mode, risk}
		w.risks[c]++
		if time.Since(w.warned[c]) > warnPause {
			w.warned[c], warn = time.Now(), true
		}
	}
	return warn
}

// group finds or makes one; w.mu is held.
func (w *watch) group(key string) *group {
	if g := w.new[key]; g != nil {
		return g
	}
	if len(w.new) >= watchSize/2 || w.new == nil {
		old := w.old
		w.old, w.new = w.new, make(map[string]*group)
		for k, g := range old { // at most those of one second, see flush
			if !g.pending.empty() && len(w.new) < watchSize/4 {
				w.new[k] = g
			}
		}
	}
	g := w.old[key]
	if g == nil {
		g = new(group)
	}
	delete(w.old, key)
	w.new[key] = g
	return g
}

func newTally() tally {
	return tally{make(map[int64]window), make(map[int64]int), make(map[int64]int)}
}

func (t tally) empty() bool { return len(t.Slots) == 0 && len(t.Days) == 0 }

func (w *watch) add(key string, at time.Time, sent, verified int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.group(key)
	if g.pending.Slots == nil {
		g.pending = newTally()
	}
	g.pending.Slots[slotOf(at)] = g.pending.Slots[slotOf(at)].plus(window{sent, verified})
	if verified > 0 {
		g.pending.Days[dayOf(at)] += verified
	}
	if sent > 0 {
		g.pending.SentDays[dayOf(at)] += sent
	}
}

// tally is a group's counts: those stored, a few seconds old at most, and those of this daemon that are not stored yet.
// Without the store it is what is known here: the guard stops nobody because of that.
func (w *watch) tally(ctx context.Context, s *Service, key string, now time.Time) tally {
	w.mu.Lock()
	fresh := time.Since(w.group(key).read) < tallyFresh
	w.mu.Unlock()
	if !fresh {
		stored, revision, err := s.readTally(ctx, key)
		if err != nil {
			s.Log.Debug().Err(err).Msg("the guard judges without the store")
		} else {
			w.know(key, stored, revision)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.group(key)
	return g.stored.merge(g.pending, now)
}

// know takes what was read, unless something newer is known.
func (w *watch) know(key string, stored tally, revision uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.group(key)
	if revision >= g.revision {
		g.stored, g.revision = stored, revision
	}
	g.read = time.Now()
}

func (s *Service) readTally(ctx context.Context, key string) (t tally, revision uint64, err error) {
	e, err := s.Queue.Guard().Get(ctx, key)
	if errors.Is(err, queue.ErrNotFound) {
		return t, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(e.Value, &t)
	}
	return t, e.Revision, err
}

// RunGuard stores what the guard counts, until ctx ends, and then what is left.
func (s *Service) RunGuard(ctx context.Context) error {
	tick := time.NewTicker(watchFlush)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.flushGuard(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
			s.flushGuard(ctx)
		}
	}
}

// flushGuard stores all that is pending. What cannot be stored is tried again the next time.
func (s *Service) flushGuard(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	w := &s.watch
	w.mu.Lock()
	var keys []string
	for _, groups := range []map[string]*group{w.new, w.old} {
		for key, g := range groups {
			if !g.pending.empty() {
				keys = append(keys, key)
			}
		}
	}
	w.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(watchWriters)
	for _, key := range keys {
		g.Go(func() error { return s.flushGroup(ctx, key) })
	}
	if err := g.Wait(); err != nil {
		s.Log.Warn().Err(err).Int("groups", len(keys)).Msg("the guard's counts are not stored yet")
	}
}

func (s *Service) flushGroup(ctx context.Context, key string) error {
	w := &s.watch
	w.mu.Lock()
	g := w.group(key)
	pending, stored, revision := g.pending, g.stored, g.revision
	g.pending = tally{}
	w.mu.Unlock()
	var err error
	for range 10 {
		merged := stored.merge(pending, s.now())
		if revision, err = s.storeTally(ctx, key, merged, revision); err == nil {
			w.know(key, merged, revision)
			return nil
		}
		if !errors.Is(err, queue.ErrConflict) {
			break
		}
		if stored, revision, err = s.readTally(ctx, key); err != nil {
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	g = w.group(key)
	g.pending = pending.merge(g.pending, s.now())
	return err
}

func (s *Service) storeTally(ctx context.Context, key string, t tally, revision uint64) (uint64, error) {
	data, err := json.Marshal(t)
	if err != nil {
		return 0, err
	}
	if revision == 0 {
		return s.Queue.Guard().Create(ctx, key, data, 0)
	}
	return s.Queue.Guard().Update(ctx, key, data, 0, revision)
}
