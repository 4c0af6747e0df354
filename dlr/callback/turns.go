package callback

import "time"

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

func (t *lanes) perHost() int { return max(t.most/hostShare, 1) }
func (t *lanes) perApp() int  { return max(t.most/appShare, 1) }

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

// run starts requests, one application after the other, as long as the shares allow it.
func (t *lanes) run(now time.Time) {
	for tried := 0; t.all.running < t.most && tried < len(t.order); {
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
	case len(a.new) > 0 && a.unsure < max(t.perApp()/newShare, 1) && t.all.unsure < max(t.most/newShare, 1):
		l, a.new = a.new[0], a.new[1:]
	}
	return l
}

// start sends the first batch of a lane.
func (t *lanes) start(l *lane, now time.Time) {
	s := l.ready[0]
	l.ready = l.ready[1:]
	s.out = true
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
	t.crew.Do(func() {
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

// finish takes a batch out of hand.
func (t *lanes) finish(l *lane, s *sealed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.hand[s.id] == s { // else it came again meanwhile
		delete(l.hand, s.id)
	}
	l.left = 0
	l.changes -= s.items
	if m := s.in; m.without(s) {
		delete(l.stored, m)
	} else if t.closing {
		t.release(l, m)
	}
}

// again puts a batch back into line, for its due time.
func (t *lanes) again(l *lane, s *sealed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing {
		s.out = false
		t.release(l, s.in)
		return
	}
	s.said.next = s.due
	t.line(l, s)
}
