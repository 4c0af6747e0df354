package server

import (
	"bytes"
	"container/list"
	"sync"
	"time"

	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	// maxPartAge is how long parts wait for the others, from the first on.
	maxPartAge = 2 * time.Minute
	// maxParts and maxPartOctets bound all parts that wait. Beyond them the oldest unfinished message gives
	// way.
	maxParts      = 20_000
	maxPartOctets = 16 << 20
)

// assemblyKey is what makes parts those of one message (3GPP TS 23.040, 9.2.3.24.1).
type assemblyKey struct {
	account, from, to string
	ref               uint16
	total             int
}

// assembly is a message of which parts are missing.
type assembly struct {
	key    assemblyKey
	first  time.Time
	record *record
	parts  []text.Part // in the order they came
	octets int
}

// reassembler puts messages together from their parts. A message that stays unfinished goes to the store as
// incomplete.
type reassembler struct {
	alphabet text.Alphabet
	schedule *schedule
	done     func(*record)

	mu       sync.Mutex // guards the rest
	open     map[assemblyKey]*list.Element
	order    *list.List // of *assembly, the oldest first
	parts    int
	octets   int
	sweeping bool // a sweep is scheduled
}

func newReassembler(a text.Alphabet, s *schedule, done func(*record)) *reassembler {
	return &reassembler{alphabet: a, schedule: s, done: done, open: make(map[assemblyKey]*list.Element), order: list.New()}
}

// add takes a part: r describes it, sub is its submission.
func (a *reassembler) add(r *record, p text.Part, sub *submission) {
	for _, finished := range a.put(r, p, sub) {
		a.finish(finished)
	}
}

// put enters the part and returns what left: the message when it is whole, and those that gave way.
func (a *reassembler) put(r *record, p text.Part, sub *submission) (left []*assembly) {
	key := assemblyKey{r.msg.Account, r.msg.From, r.msg.To, p.Ref, p.Total}
	a.mu.Lock()
	defer a.mu.Unlock()
	e, ok := a.open[key]
	if ok {
		switch as := e.Value.(*assembly); as.has(p) {
		case same: // sent twice
			as.set(p.Number-1, r, sub)
			return nil
		case different: // the sender uses the reference again
			left = append(left, a.remove(e))
			ok = false
		}
	}
	if !ok {
		first := *r
		first.subs, first.frames, first.sessions = make([]*submission, p.Total), make([]wire.Frame, p.Total), make([]string, p.Total)
		e = a.order.PushBack(&assembly{key: key, first: r.msg.Time, record: &first})
		a.open[key] = e
		a.sweepLater()
	}
	as := e.Value.(*assembly)
	as.enter(r, p, sub)
	a.parts++
	a.octets += len(p.ShortMessage) + len(p.Payload)
	if len(as.parts) == p.Total {
		return append(left, a.remove(e))
	}
	for a.parts > maxParts || a.octets > maxPartOctets {
		left = append(left, a.remove(a.order.Front()))
	}
	return left
}

// presence is whether an assembly has a part.
type presence int

const (
	missing presence = iota
	same
	different
)

func (as *assembly) has(p text.Part) presence {
	for _, q := range as.parts {
		if q.Number != p.Number {
			continue
		}
		if bytes.Equal(q.ShortMessage, p.ShortMessage) && bytes.Equal(q.Payload, p.Payload) {
			return same
		}
		return different
	}
	return missing
}

// set puts what is known of a part in its place.
func (as *assembly) set(i int, r *record, sub *submission) {
	as.record.subs[i] = sub
	if len(r.frames) > 0 { // it came over a connection
		as.record.frames[i], as.record.sessions[i] = r.frames[0], r.sessions[0]
	}
}

// enter adds a part. The message is as new as its last part.
func (as *assembly) enter(r *record, p text.Part, sub *submission) {
	as.parts = append(as.parts, p)
	as.octets += len(p.ShortMessage) + len(p.Payload)
	as.set(p.Number-1, r, sub)
	as.record.id, as.record.msg.Time = r.id, r.msg.Time
}

// remove takes an assembly out. The caller holds mu.
func (a *reassembler) remove(e *list.Element) *assembly {
	as := a.order.Remove(e).(*assembly)
	delete(a.open, as.key)
	a.parts -= len(as.parts)
	a.octets -= as.octets
	return as
}

// finish decodes what is there and hands it on.
func (a *reassembler) finish(as *assembly) {
	r := as.record
	var err error
	if len(as.parts) == as.key.total {
		r.msg.Text, err = text.Join(as.parts, a.alphabet)
	} else {
		r.msg.Incomplete = true
		r.msg.Text, err = joinSome(as.parts, a.alphabet)
	}
	r.problem(err)
	a.done(r)
}

// joinSome joins the parts that are there, in their order.
func joinSome(parts []text.Part, alphabet text.Alphabet) (string, error) {
	var all string
	var first error
	for n := 1; n <= text.MaxParts; n++ {
		for _, p := range parts {
			if p.Number != n {
				continue
			}
			p.Number, p.Total = 1, 1
			s, err := text.Join([]text.Part{p}, alphabet)
			if all += s; first == nil {
				first = err
			}
		}
	}
	return all, first
}

// sweepLater schedules the next sweep, if there is anything to sweep. The caller holds mu.
func (a *reassembler) sweepLater() {
	oldest := a.order.Front()
	if oldest == nil || a.sweeping {
		return
	}
	a.sweeping = true
	a.schedule.add(oldest.Value.(*assembly).first.Add(maxPartAge), a)
}

// fire gives up the messages that are too old.
func (a *reassembler) fire() {
	for _, as := range a.sweep(time.Now()) {
		a.finish(as)
	}
}

func (a *reassembler) sweep(now time.Time) (left []*assembly) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for e := a.order.Front(); e != nil; e = a.order.Front() {
		if now.Sub(e.Value.(*assembly).first) < maxPartAge {
			break
		}
		left = append(left, a.remove(e))
	}
	a.sweeping = false
	a.sweepLater()
	return left
}

// clear forgets all parts.
func (a *reassembler) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.open)
	a.order.Init()
	a.parts, a.octets = 0, 0
}
