package callback

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/crew"
)

// Bounds of all lanes; see the package's comment.
const (
	DefaultLanes = 2048 // requests under way at a time
	hostShare    = 8    // a host may have one in eight of them
	appShare     = 2    // an application, one in two
	newShare     = 2    // of each share, those whose host is not known to answer may have one in two
	laneShare    = 32   // requests of one URL at a time
	maxUnsealed  = 16384

	firstWindow  = 8
	sideBySide   = 12                    // requests to a URL that answers, before items gather
	gatherBusy   = 20 * time.Millisecond // how long they do, while as many are under way
	gatherFailed = time.Second           // the same while their URL takes none
	recheck      = 2 * time.Second       // of a batch of another daemon that has to go first
	mostIdle     = 32                    // workers that stay, which seal and send
	maxIdle      = 10_000                // lanes, and hosts, that are remembered though they have nothing
)

// sealed is a stored batch in this dispatcher's hand. Its data is read again when it is sent.
type sealed struct {
	in     *stored // guarded by lanes.mu
	id     string
	target target
	kind   otp.EventKind
	after  []string
	items  int
	octets int
	since  time.Time // that it is stored, by the store's clock
	tries  int       // that are known of
	due    time.Time
	early  bool      // it is due before its time, since its URL answers again; such a try does not count
	then   time.Time // its time, when it is early
	woken  bool      // it was early, and no try at its time has failed since: it is not early again
	open   bool      // it was made here and never sent: items may be added
	soon   bool      // it is ready or under way
	out    bool      // of its line: it is under way, or gets more items
	said   said      // by the last try; guarded by lanes.mu
	fresh  bool      // the next try takes no kept connection: the last one got no answer over one
}

// said is what came of a try.
type said struct {
	at     time.Time
	tries  int
	status int // 0: no answer
	next   time.Time
}

// lane is what waits for one URL of an application. All of it is guarded by lanes.mu.
type lane struct {
	target target
	host   *host

	items   []job // in no batch yet
	since   time.Time
	left    int            // of items, were not taken the last time: they are behind others under way
	last    map[string]int // of each OTP with items, also such that are just becoming a batch, the newest
	sealing bool
	coming  map[string]struct{} // batches on their way back from the queue, see expected
	open    map[class]*sealed   // the newest that items may be added to
	hand    map[string]*sealed  // all batches here, by id
	ready   []*sealed           // due
	later   sealedHeap          // until their time
	blocked []*sealed           // behind others of its OTPs
	foreign bool                // one of those is another daemon's

	stored  map[*stored]struct{} // the messages that these are in
	changes int                  // in all of them
	joining bool                 // some are just becoming one
	crowded time.Time            // since when they are too many; zero: they are not
	moves   sync.RWMutex         // guards which message a batch is in, in the store: held for writing when that changes

	running int
	window  int       // requests at a time: more with each success, one after a failure
	fails   int       // in a row
	failed  time.Time // the last of them
	paused  time.Time // nothing is sent until then
	proven  bool      // the last try was a success

	place place
	timer *time.Timer
}

// lanes is the table of all lanes, and of the shares that they have of the requests under way.
type lanes struct {
	most   int
	pause  time.Duration // the first of a URL that fails; see backoff
	seal   func(*lane, []job, *sealed)
	send   func(*lane, *sealed) (takeOff func()) // takes off what was acknowledged; nil when there is nothing more to do
	crew   *crew.Crew
	alive  func(id string) bool                    // whether a batch is stored, anywhere
	stands func(id string) (there, mine bool)      // whether a batch is stored, and may be this daemon's
	holder func(otpID string) (id string, ok bool) // the batch that holds an OTP
	over   func(s *sealed) bool                    // whether a batch is past the last try of the schedule
	bury   func(*lane, *sealed)                    // ends what is
	join   func(*lane, []*stored)                  // makes several messages one

	mu       sync.Mutex
	byTarget map[target]*lane
	hosts    map[string]*host
	apps     map[string]*share
	order    []*share // of apps that have lanes whose turn may be
	all      share    // of requests under way, in all
	unsealed int
	room     chan struct{} // closed and replaced when unsealed shrinks below its bound
	expected expected
	made     map[string]made // of those, batches of one change whose data is known
	closing  bool
}

func newLanes(limit int, pause time.Duration) *lanes {
	return &lanes{most: limit, pause: pause, byTarget: make(map[target]*lane), hosts: make(map[string]*host), apps: make(map[string]*share),
		crew: crew.New(mostIdle), room: make(chan struct{}), expected: make(expected), made: make(map[string]made)}
}

// wait waits until there is room for an item; false when ctx ended before. What fills the room is stored as
// batches soon, whatever the receivers do.
func (t *lanes) wait(ctx context.Context) bool {
	for {
		t.mu.Lock()
		full, room := t.unsealed >= maxUnsealed, t.room
		t.mu.Unlock()
		if !full {
			return ctx.Err() == nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}

// lane is for callers that hold mu.
func (t *lanes) lane(at target) *lane {
	l := t.byTarget[at]
	if l == nil {
		l = &lane{target: at, host: t.host(hostOf(at.url)), window: firstWindow, last: make(map[string]int), coming: make(map[string]struct{}), open: make(map[class]*sealed), hand: make(map[string]*sealed),
			stored: make(map[*stored]struct{})}
		l.host.lanes[l] = struct{}{}
		t.byTarget[at] = l
	}
	return l
}

// addItem puts an item behind those that came before; false when it has to go back. One that is early must
// find the item right before it of its OTP here.
func (t *lanes) addItem(j job, early bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lane(j.target())
	if t.closing || early && l.last[j.event.OtpID] != j.event.N-1 {
		t.step(l)
		return false
	}
	if len(l.items) == 0 {
		l.since = time.Now()
	}
	l.last[j.event.OtpID] = j.event.N
	l.items = append(l.items, j)
	t.unsealed++
	t.step(l)
	return true
}

// addStored takes a stored message into hand.
func (t *lanes) addStored(m *stored) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing {
		_ = m.d.Nak(0)
		return
	}
	l := t.lane(m.batches[0].target)
	l.stored[m] = struct{}{}
	for _, s := range m.batches {
		if t.came(l, s.id) {
			s.tries, s.early, s.woken = 0, false, false // however long it took to come back
			// One that another daemon had in hand meanwhile may have been sent by it: it does not change any
			// more.
			s.open = m.d.Attempt <= 1 && !m.d.Orphan && s.items < maxItems && s.octets < maxBody
		}
		if s.open {
			l.open[s.class()] = s
		}
		l.hand[s.id] = s
		l.changes += s.items
	}
	for _, s := range m.batches {
		t.line(l, s)
	}
	t.step(l)
	if !m.batches[0].out { // what waits does so without its data
		m.read.Store(nil)
	}
}

// line puts a batch where it waits. For callers that hold mu.
func (t *lanes) line(l *lane, s *sealed) {
	s.soon, s.out = false, false
	switch {
	case t.behind(l, s):
		l.blocked = append(l.blocked, s)
	case time.Now().Before(s.due):
		l.later.add(s)
	default:
		s.soon = true
		l.ready = append(l.ready, s)
	}
}

func (t *lanes) behind(l *lane, s *sealed) bool {
	for _, id := range s.after {
		if l.hand[id] != nil {
			return true
		}
		if t.alive(id) {
			l.foreign = true
			return true
		}
	}
	return false
}

// step does what can be done for a lane now, and sets its timer for what can be done later. For callers that
// hold mu.
func (t *lanes) step(l *lane) {
	if t.closing {
		return
	}
	now := time.Now()
	for len(l.later) > 0 && !l.later[0].due.After(now) {
		t.line(l, l.later.first())
	}
	t.unblock(l)
	t.gather(l, now)
	t.tidy(l, now)
	t.turn(l, now)
	if l.idle() && (!l.proven || len(t.byTarget) > maxIdle) {
		t.drop(l)
		return
	}
	t.alarm(l, now)
}

// unblock moves batches whose earlier ones are gone.
func (t *lanes) unblock(l *lane) {
	blocked := l.blocked
	l.blocked, l.foreign = nil, false
	for _, s := range blocked {
		t.line(l, s)
	}
}

// alarm sets the lane's timer to the first time at which something changes by itself.
func (t *lanes) alarm(l *lane, now time.Time) {
	var at time.Time
	sooner := func(when time.Time) {
		if at.IsZero() || when.Before(at) {
			at = when
		}
	}
	if len(l.items) > 0 && !l.sealing {
		sooner(l.since.Add(t.gathering(l, now)))
	}
	if len(l.later) > 0 {
		sooner(l.later[0].due)
	}
	if len(l.ready) > 0 && now.Before(l.paused) {
		sooner(l.paused)
	}
	if l.foreign {
		sooner(now.Add(recheck))
	}
	if !l.crowded.IsZero() && !l.joining {
		sooner(l.crowded.Add(gatherFailed))
	}
	switch {
	case at.IsZero():
	case l.timer == nil:
		l.timer = time.AfterFunc(at.Sub(now), func() { t.wake(l) })
	default:
		l.timer.Reset(at.Sub(now))
	}
}

func (t *lanes) wake(l *lane) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byTarget[l.target] == l {
		t.step(l)
	}
}

// drop forgets a lane that has nothing. What was learned of a URL that fails stays as long as something waits
// for it.
func (t *lanes) drop(l *lane) {
	if l.timer != nil {
		l.timer.Stop()
	}
	delete(t.byTarget, l.target)
	delete(l.host.lanes, l)
	t.forget(l.host)
}

// close lets nothing in any more, and gives back what is not under way.
func (t *lanes) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = true
	for _, l := range t.byTarget {
		if l.timer != nil {
			l.timer.Stop()
		}
		for _, j := range l.items {
			_ = j.d.Nak(0)
		}
		for m := range l.stored {
			t.release(l, m)
		}
	}
	for _, h := range t.hosts {
		h.stop()
	}
}

// size is what is under way and what is in hand.
func (t *lanes) size() (running, items, batches int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.byTarget {
		batches += len(l.hand)
	}
	return t.all.running, t.unsealed, batches
}

// hostOf is the host and port of a URL: all that a log or a limit needs of it.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "invalid"
	}
	return u.Host
}
