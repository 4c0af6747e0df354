package callback

import (
	"slices"
	"time"

	"github.com/otpgw/otpgw/otp"
)

// gather stores items as a batch: at once where little is under way; else when there are enough for one, or
// after a while.
func (t *lanes) gather(l *lane, now time.Time) {
	if len(l.items) == 0 || l.sealing {
		return
	}
	if wait := t.gathering(l, now); len(l.items)-l.left < maxItems && now.Sub(l.since) < wait {
		return
	}
	items, rest, held := choose(l.items, t.held, func(otpID string) bool { return l.calm(now) && t.soonGone(l, otpID) })
	l.left, l.since = held, now
	var into *sealed
	if len(items) > 0 {
		if into = l.open[class{items[0].event.Kind, t.held(items[0])}]; into != nil && into.in.hasRoom() && t.takeBack(l, into) {
			n := fitting(items, maxItems-into.items, maxBody-into.octets)
			items, rest = items[:n:n], append(slices.Clone(items[n:]), rest...)
		} else {
			into = nil
		}
		l.sealing = true
		t.crew.Do(func() { t.seal(l, items, into) })
	}
	l.items = rest
}

// gathering is how long the items of a lane wait for others.
func (t *lanes) gathering(l *lane, now time.Time) time.Duration {
	here, elsewhere := t.coming(l)
	sent := l.running + len(l.ready) + here
	switch {
	case !l.calm(now) || sent >= l.window:
		return gatherFailed
	case sent+elsewhere > 0 && !l.proven:
		return gatherFailed
	case sent >= sideBySide || elsewhere > 0:
		return gatherBusy
	}
	return 0
}

func (l *lane) idle() bool {
	return len(l.items) == 0 && len(l.hand) == 0 && l.running == 0 && !l.sealing && !l.joining
}

// takeBack takes an open batch out of its line, so that it is not sent while items are added.
func (t *lanes) takeBack(l *lane, s *sealed) bool {
	for _, list := range []*[]*sealed{&l.ready, &l.blocked} {
		if i := slices.Index(*list, s); i >= 0 {
			*list = slices.Delete(*list, i, i+1)
			s.out = true
			return true
		}
	}
	return false
}

// soonGone tells whether an earlier change of an OTP is under way right now: a batch with its next change
// would wait for that, and with it all else that is in it.
func (t *lanes) soonGone(l *lane, otpID string) bool {
	id, ok := t.holder(otpID)
	return ok && (t.where(l, id) == nowhereElse || l.hand[id] != nil && l.hand[id].soon)
}

// calm: as far as is known, the URL takes requests.
func (l *lane) calm(now time.Time) bool { return !now.Before(l.paused) && l.host.answers(now) }

// class tells apart what goes into one batch: one kind of event, and not what may be sent at once with what
// waits for another batch.
type class struct {
	kind   otp.EventKind
	behind bool
}

func (s *sealed) class() class { return class{s.kind, len(s.after) > 0} }

// held: a batch with an earlier change of the item's OTP is stored.
func (t *lanes) held(j job) bool {
	if j.event.N == 1 {
		return false
	}
	id, ok := t.holder(j.event.OtpID)
	return ok && t.alive(id)
}

// choose takes the first item that may go and others of its class for which there is room, but none whose OTP
// has an earlier item that stays, or a batch that is gone soon; left counts what stays for the latter.
func choose(list []job, held func(job) bool, soon func(otpID string) bool) (taken, rest []job, left int) {
	size, most := 0, min(len(list), maxItems)
	with, stays, behind := make(map[string]bool, most), make(map[string]bool), make(map[string]bool)
	taken = make([]job, 0, most)
	for i, j := range list {
		if len(taken) == maxItems {
			return taken, append(rest, list[i:]...), left
		}
		id := j.event.OtpID
		switch {
		case behind[id] || j.event.N > 1 && !stays[id] && soon(id):
			behind[id] = true
			left++
			rest = append(rest, j)
		case stays[id] || len(taken) > 0 && (size+len(j.event.Item)+1 > maxBody ||
			j.event.Kind != taken[0].event.Kind || !with[id] && held(j) != held(taken[0])):
			stays[id] = true
			rest = append(rest, j)
		default:
			size += len(j.event.Item) + 1
			with[id] = true
			taken = append(taken, j)
		}
	}
	return taken, rest, left
}

// fitting is how many of the items fit into what a batch has room for; the first always does.
func fitting(items []job, room, octets int) int {
	for n, j := range items {
		if octets -= len(j.event.Item) + 1; n > 0 && (n >= room || octets < 0) {
			return n
		}
	}
	return len(items)
}

// waitsForNone tells whether a batch is here and has none before it.
func (t *lanes) waitsForNone(l *lane, id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := l.hand[id]
	return s != nil && len(s.after) == 0
}

// sealedItems ends what gather began with seal. b is the batch that the items are in, nil when they go back;
// into is the one that was taken out of its line for them, whether or not they are in it.
func (t *lanes) sealedItems(l *lane, items []job, into *sealed, b *batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.sealing = false
	t.unsealed -= len(items)
	for _, j := range items {
		if b == nil {
			t.giveBack(l, j.event.OtpID)
			_ = j.d.Nak(sealPause)
		}
		if l.last[j.event.OtpID] == j.event.N {
			delete(l.last, j.event.OtpID)
		}
	}
	if t.unsealed < maxUnsealed {
		close(t.room)
		t.room = make(chan struct{})
	}
	if into != nil {
		if b != nil && b.ID == into.id {
			l.changes += b.items() - into.items
			into.items, into.octets, into.after = b.items(), len(b.body), b.After
			into.open = into.items < maxItems && into.octets < maxBody
		} else {
			into.open = false
		}
		if !into.open && l.open[into.class()] == into {
			delete(l.open, into.class())
		}
		if t.closing {
			into.out = false
			t.release(l, into.in)
			return
		}
		t.line(l, into)
	}
	t.step(l)
}

// giveBack gives back what is behind an item that was not stored: it must not go before.
func (t *lanes) giveBack(l *lane, otpID string) {
	l.items = slices.DeleteFunc(l.items, func(j job) bool {
		if j.event.OtpID != otpID {
			return false
		}
		t.unsealed--
		delete(l.last, otpID)
		_ = j.d.Nak(sealPause)
		return true
	})
}
