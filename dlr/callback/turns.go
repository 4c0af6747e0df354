package callback

import (
	"container/heap"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
)

// place is the line that a lane which has something to send stands in.
type place int

const (
	nowhere place = iota
	inHost        // of its host, which takes no more now
	inApp         // of its application
)

// share is the requests under way of one application, or of all; and the lanes that wait for one.
type share struct {
	running int
	unsure  int     // of them, to hosts that are not known to answer
	sure    []*lane // that are
	new     []*lane
	listed  bool // in lanes.order
}

// host is what is known of a host and port. All of it is guarded by lanes.mu.
type host struct {
	name    string
	lanes   map[*lane]struct{}
	running int
	unsure  int
	window  int       // requests at a time, after it was shut: more with each answer
	known   bool      // it answered before
	silent  int       // tries in a row that it did not answer
	shut    time.Time // nothing is sent until then; zero when it answers
	shutAt  time.Time // when that was decided
	doubt   time.Time // it was silent not long before; new lanes are unsure until then
	turns   []*lane   // that wait until it takes more
	timer   *time.Timer
}

// Times of hosts that do not answer.
const (
	silentTries = 3  // in a row, and a host is shut
	longestRest = 60 // times the first pause of a host or lane that goes on failing
	longestShut = time.Minute
	doubtTime   = time.Minute
)

// host is for callers that hold mu.
func (t *lanes) host(name string) *host {
	h := t.hosts[name]
	if h == nil {
		h = &host{name: name, lanes: make(map[*lane]struct{}), window: t.perHost()}
		t.hosts[name] = h
	}
	return h
}

func (t *lanes) perHost() int { return max(t.limit/hostShare, 1) }
func (t *lanes) perApp() int  { return max(t.limit/appShare, 1) }

// forget drops a host that nobody waits for; not one that answers, as long as there are few, nor one that is
// shut.
func (t *lanes) forget(h *host) {
	if len(h.lanes) == 0 && h.running == 0 && !time.Now().Before(h.shut) && !(h.known && h.silent == 0 && len(t.hosts) < maxIdle) {
		h.stop()
		delete(t.hosts, h.name)
	}
}

func (h *host) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

// answers: as far as is known, the host takes requests.
func (h *host) answers(now time.Time) bool { return h.silent < silentTries && !now.Before(h.shut) }

// sure: this lane's requests may be expected to end soon.
func (l *lane) sure(now time.Time) bool {
	return l.proven || l.fails == 0 && l.host.known && l.host.silent == 0 && now.After(l.host.doubt)
}

// turn lets a lane stand in line for its next request. For callers that hold mu.
func (t *lanes) turn(l *lane, now time.Time) {
	if l.place == nowhere && l.wants(now) {
		t.stand(l, now)
		t.run(now)
	}
}

func (l *lane) wants(now time.Time) bool {
	if len(l.ready) == 0 || l.running >= l.window || now.Before(l.paused) {
		return false
	}
	// Until it has answered, a second request at a time is worth it only for a full one: what was tried once
	// stays one message.
	return l.proven || l.running == 0 || !l.ready[0].open
}

// barred: the host takes no request of this lane now.
func (t *lanes) barred(l *lane, now time.Time) bool {
	h := l.host
	return now.Before(h.shut) || h.running >= h.window || !l.sure(now) && h.unsure >= max(t.perHost()/newShare, 1)
}

// stand puts a lane in line: of its host, or of its application.
func (t *lanes) stand(l *lane, now time.Time) {
	if h := l.host; t.barred(l, now) {
		l.place = inHost
		h.turns = append(h.turns, l)
		t.watch(h, now)
		return
	}
	a := t.apps[l.target.app]
	if a == nil {
		a = &share{}
		t.apps[l.target.app] = a
	}
	l.place = inApp
	if l.sure(now) {
		a.sure = append(a.sure, l)
	} else {
		a.new = append(a.new, l)
	}
	if !a.listed {
		a.listed = true
		t.order = append(t.order, a)
	}
}

// watch opens a host again when its time comes.
func (t *lanes) watch(h *host, now time.Time) {
	if !now.Before(h.shut) {
		return
	}
	if h.timer == nil {
		h.timer = time.AfterFunc(h.shut.Sub(now), func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			if !t.closing {
				t.free(h, time.Now())
				t.run(time.Now())
				t.forget(h)
			}
		})
		return
	}
	h.timer.Reset(h.shut.Sub(now))
}

// free moves lanes that waited for their host, as many as it takes now.
func (t *lanes) free(h *host, now time.Time) {
	if now.Before(h.shut) {
		t.watch(h, now)
		return
	}
	t.clear(h)
	for n := min(h.window-h.running, len(h.turns)); n > 0; n-- {
		l := h.turns[0]
		h.turns = h.turns[1:]
		l.place = nowhere
		if l.wants(now) {
			t.stand(l, now)
		}
	}
}

// buryAtOnce bounds how many batches end at a time because their host did not answer in all the time of the
// schedule.
const buryAtOnce = 64

// clear ends what waited for its host in vain for longer than the schedule has.
func (t *lanes) clear(h *host) {
	n := 0
	for _, l := range h.turns {
		for h.silent > 0 && len(l.ready) > 0 && n < buryAtOnce && t.over(l.ready[0]) {
			s := l.ready[0]
			l.ready = l.ready[1:]
			n++
			t.wg.Go(func() {
				t.bury(l, s)
				t.mu.Lock()
				defer t.mu.Unlock()
				t.step(l)
			})
		}
	}
}

// run starts requests, one application after the other, as long as the shares allow it.
func (t *lanes) run(now time.Time) {
	for tried := 0; t.all.running < t.limit && tried < len(t.order); {
		a := t.order[0]
		t.order = t.order[1:]
		l := t.pick(a)
		if a.listed = len(a.sure)+len(a.new) > 0; a.listed {
			t.order = append(t.order, a)
		}
		if l == nil {
			tried++
			continue
		}
		tried = 0
		l.place = nowhere
		if !l.wants(now) {
			continue
		}
		if t.barred(l, now) {
			t.stand(l, now)
			continue
		}
		t.start(l, now)
	}
}

// pick is the next lane of an application that may send.
func (t *lanes) pick(a *share) (l *lane) {
	switch {
	case a.running >= t.perApp():
	case len(a.sure) > 0:
		l, a.sure = a.sure[0], a.sure[1:]
	case len(a.new) > 0 && a.unsure < max(t.perApp()/newShare, 1) && t.all.unsure < max(t.limit/newShare, 1):
		l, a.new = a.new[0], a.new[1:]
	}
	return l
}

// start sends the first batch of a lane.
func (t *lanes) start(l *lane, now time.Time) {
	s := l.ready[0]
	l.ready = l.ready[1:]
	if s.open = false; l.open[s.class()] == s {
		delete(l.open, s.class())
	}
	a, h, unsure := t.apps[l.target.app], l.host, !l.sure(now)
	count := func(n int) {
		l.running += n
		h.running += n
		a.running += n
		t.all.running += n
		if unsure {
			h.unsure += n
			a.unsure += n
			t.all.unsure += n
		}
	}
	count(1)
	t.wg.Go(func() {
		takeOff := t.send(l, s)
		t.sent(l, func() {
			count(-1)
			if a.running == 0 && !a.listed && !t.closing {
				delete(t.apps, l.target.app)
			}
		})
		if takeOff != nil { // the receiver has it, and the next request need not wait for the store
			takeOff()
			t.mu.Lock()
			defer t.mu.Unlock()
			t.step(l)
		}
	})
	t.turn(l, now)
}

// sent makes room for the next request.
func (t *lanes) sent(l *lane, uncount func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	uncount()
	if t.closing {
		return
	}
	now := time.Now()
	t.step(l)
	t.free(l.host, now)
	t.run(now)
}

// verdict is what a try says of a lane and its host.
type verdict struct {
	begun    time.Time
	ok       bool          // a success
	answered bool          // the host answered something
	wait     time.Duration // that the receiver asked for
}

// judged notes the outcome of a try, and makes what waits for a URL that answers again due at once: at the
// rate that the windows allow, which grow with each success.
func (t *lanes) judged(l *lane, v verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, h := time.Now(), l.host
	switch {
	case v.answered:
		if h.silent > 0 {
			h.shut = time.Time{}
			for other := range h.lanes {
				other.due(now)
			}
		}
		h.silent, h.known = 0, true
		h.window = min(2*h.window, t.perHost())
	case h.silent < silentTries || v.begun.After(h.shutAt): // of several at once, one makes the pause longer
		h.silent++
		h.doubt = now.Add(doubtTime)
		if h.silent >= silentTries {
			h.window, h.shutAt = 1, now
			h.shut = now.Add(spread(backoff.Doubled(t.pause, h.silent-silentTries, longestRest*t.pause)))
		}
	}
	switch {
	case v.ok:
		if l.fails > 0 {
			l.due(now)
		}
		l.fails, l.proven, l.paused = 0, true, time.Time{}
		l.window = min(2*l.window, laneShare)
	case v.begun.After(l.failed):
		l.failed, l.proven, l.window = now, false, 1
		if l.fails++; l.fails > 1 || !v.answered {
			l.paused = now.Add(spread(backoff.Doubled(t.pause, l.fails-1, longestRest*t.pause)))
		}
	}
	if v.wait > 0 {
		l.paused = now.Add(spread(v.wait))
	}
}

// due makes what waits for a later time due: once for each try that failed at its time, so that one request
// that fails for itself is not tried with each success of another.
func (l *lane) due(now time.Time) {
	for i := range l.later {
		if s := l.later[i]; !s.woken {
			s.early, s.woken, s.then, s.due = true, true, s.due, now
		}
	}
	heap.Init(&l.later)
	if l.timer != nil {
		l.timer.Reset(0)
	}
}

// finish takes a batch out of hand. One that another daemon took, and that came back since, is in hand anew:
// that is not the one that ends here.
func (t *lanes) finish(l *lane, s *sealed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.hand[s.id] == s {
		delete(l.hand, s.id)
	}
	l.left = 0
}

// again puts a batch back into line, for its due time.
func (t *lanes) again(l *lane, s *sealed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing {
		_ = s.d.Nak(0)
		return
	}
	s.said.next = s.due
	t.line(l, s)
}
