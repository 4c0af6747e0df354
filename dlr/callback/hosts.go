package callback

import "time"

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

// barred: the host takes no request of this lane now.
func (t *lanes) barred(l *lane, now time.Time) bool {
	h := l.host
	return now.Before(h.shut) || h.running >= h.window || !l.sure(now) && h.unsure >= max(t.perHost()/newShare, 1)
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
			s.out = true
			n++
			t.crew.Do(func() {
				t.bury(l, s)
				t.mu.Lock()
				defer t.mu.Unlock()
				t.step(l)
			})
		}
	}
}
