package server

import (
	"sync"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/wire"
)

// minIndex is the fewest submissions that query_sm, cancel_sm and replace_sm find.
const minIndex = 1000

// index finds the newest submissions by message id.
type index struct {
	mu   sync.Mutex // guards all
	byID map[string]*submission
	ring []*submission
	next int
}

func newIndex(keep int) *index {
	return &index{byID: make(map[string]*submission), ring: make([]*submission, 0, keep)}
}

func (x *index) add(sub *submission) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.ring) < cap(x.ring) {
		x.ring = append(x.ring, sub)
	} else {
		if old := x.ring[x.next]; x.byID[old.messageID] == old {
			delete(x.byID, old.messageID)
		}
		x.ring[x.next] = sub
		x.next = (x.next + 1) % len(x.ring)
	}
	x.byID[sub.messageID] = sub
}

// replaceFor cancels what a message with replace_if_present_flag replaces (SMPP 3.4, 5.2.18): the one before
// it of the same service_type, source and destination, when it is not delivered yet.
func (x *index) replaceFor(sub *submission) {
	var last *submission
	for _, old := range x.all(sub.account, sub.serviceType, sub.source, sub.dest) {
		if old.serviceType == sub.serviceType && (last == nil || old.number > last.number) {
			last = old
		}
	}
	if last != nil {
		last.cancel(time.Now())
	}
}

// get is the submission of an account with that id and, when it is not empty, that sender.
func (x *index) get(account, id string, source wire.Address) *submission {
	x.mu.Lock()
	defer x.mu.Unlock()
	sub := x.byID[id]
	if sub == nil || sub.account != account || source.Addr != "" && !sameNumber(source, sub.source) {
		return nil
	}
	return sub
}

// all are the submissions of an account from one sender to one destination.
func (x *index) all(account, serviceType string, source, dest wire.Address) (subs []*submission) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, sub := range x.ring {
		if sub.account == account && sameNumber(sub.source, source) && sameNumber(sub.dest, dest) &&
			(serviceType == "" || serviceType == sub.serviceType) {
			subs = append(subs, sub)
		}
	}
	return subs
}

func sameNumber(a, b wire.Address) bool { return behave.Number(a.Addr) == behave.Number(b.Addr) }

// settle says what becomes of a message, and when.
func (s *submission) settle(state wire.MessageState, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.final, s.finalAt = state, at
}

// state is what has become of a message: ENROUTE until its final state has come.
func (s *submission) state(now time.Time) (wire.MessageState, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.finalAt) {
		return wire.Enroute, time.Time{}
	}
	return s.final, s.finalAt
}

// cancel makes a message DELETED, unless it has a final state already.
func (s *submission) cancel(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !now.Before(s.finalAt) {
		return false
	}
	s.final, s.finalAt, s.cancelled = wire.Deleted, now, true
	return true
}
