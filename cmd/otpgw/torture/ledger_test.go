package torture

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// lateAfter is how long a message may take to the SMSC before it is called late.
const lateAfter = 15 * time.Second

// entry is what is known of one OTP. Each has a number of its own, which is its key.
type entry struct {
	otpID     string
	accepted  time.Time // when the load heard of the 201; zero when it never did
	max       int       // guesses allowed
	told      int       // guesses that the load was told the outcome of: wrong, wrong and last, right
	right     int       // of them right
	claimed   string    // the state that the load was told last, empty when an answer that would tell was lost
	deadURL   bool      // its callbacks go where nobody is
	expires   time.Time // when it has to be told EXPIRED; zero when it does not live that long
	pin       string
	arrived   time.Time // first at the SMSC
	copies    int
	got       chan struct{} // closed when it arrived
	changes   map[change]map[string]bool
	taken     map[change]bool
	rank      int // the furthest delivery told
	backwards bool
	status    string // what the record says in the end
	delivery  string
}

// ledger holds what was promised and what came of it.
type ledger struct {
	mu         sync.Mutex
	by         map[string]*entry // by number, without +
	bodies     map[string]string // of webhook-ids
	twoBodies  map[string]bool
	callbacks  int // requests
	unsigned   int
	marked     int // callbacks with a message's text
	unreceived int // receipts that nobody answered
	counts     map[string]int
	doubts     map[string]int // faults that leave a window in doubt, by name
	odd        map[string]int // answers that the API does not have
	leaks      []string       // places where a PIN or a text was found
	crashes    []crash        // that a log tells of
	faults     []*happening
	ends       []daemonEnd // that no test asked for

	journal *journal // nil: none is kept

	states map[uint64]string // of the daemons' memories, by position of the log
	looks  int               // at a daemon's memory
	differ []string          // memories that were another at the same position
}

func newLedger() *ledger {
	return &ledger{by: make(map[string]*entry), bodies: make(map[string]string), twoBodies: make(map[string]bool),
		counts: make(map[string]int), doubts: make(map[string]int), odd: make(map[string]int),
		states: make(map[uint64]string)}
}

// at is the entry of a number. The caller holds mu.
func (l *ledger) at(to string) *entry {
	e := l.by[to]
	if e == nil {
		e = &entry{got: make(chan struct{}), changes: make(map[change]map[string]bool), taken: make(map[change]bool)}
		l.by[to] = e
	}
	return e
}

// with changes the entry of a number.
func (l *ledger) with(to string, f func(*entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.at(to))
}

func (l *ledger) count(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[what]++
}

// doubt notes a fault that leaves a window in doubt.
func (l *ledger) doubt(fault string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doubts[fault]++
}

func (l *ledger) strange(answer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.odd[answer]++
}

func (l *ledger) arrive(a arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note("at the SMSC", map[string]any{"to": a.To})
	e := l.at(a.To)
	if e.copies++; e.copies == 1 {
		e.pin, e.arrived = a.PIN, a.At
		close(e.got)
	}
}

// refuse notes a receipt that no daemon answered OK.
func (l *ledger) refuse(u unanswered) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note("receipt not answered", u)
	if !l.at(u.To).accepted.IsZero() {
		l.unreceived++
	}
}

// deliveryRank: one that is told after a further one came out of order.
var deliveryRank = map[string]int{"ACCEPTED": 1, "SENT": 2, "DELIVERED": 3, "FAILED": 3, "REJECTED": 3}

func (l *ledger) hear(t told) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note("told", t)
	l.callbacks++
	if !t.Signed {
		l.unsigned++
	}
	if t.Marked {
		l.marked++
	}
	if body, ok := l.bodies[t.WebhookID]; ok && body != t.Body {
		l.twoBodies[t.WebhookID] = true
	}
	l.bodies[t.WebhookID] = t.Body
	for _, c := range t.Changes {
		l.at(c.To).hear(c, t)
	}
}

func (e *entry) hear(c change, t told) {
	first := e.changes[c] == nil
	if first {
		e.changes[c] = make(map[string]bool)
	}
	e.changes[c][t.WebhookID] = true
	if t.Taken {
		e.taken[c] = true
	}
	if c.Event != "dlr_update" || !first {
		return
	}
	rank := deliveryRank[c.Status]
	if rank < e.rank {
		e.backwards = true
	}
	e.rank = max(e.rank, rank)
}

func (e *entry) wasTold(event, to, status string) bool { return e.taken[change{event, to, status}] }

// owed says whether something of an accepted OTP is still to come.
func (e *entry) owed(to string) bool {
	switch {
	case e.accepted.IsZero():
		return false
	case e.copies == 0 && e.expires.IsZero():
		return true
	case e.deadURL:
		return false
	case e.copies > 0 && !e.wasTold("dlr_update", to, "DELIVERED"):
		return true
	case e.expires.IsZero():
		return final(e.claimed) && !e.wasTold("otp_update", to, e.claimed)
	}
	return !e.wasTold("otp_update", to, "EXPIRED")
}

func final(status string) bool {
	return status == "VERIFIED" || status == "FAILED" || status == "CANCELLED"
}

// owing is how many OTPs something is still to come of.
func (l *ledger) owing() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for to, e := range l.by {
		if e.owed(to) {
			n++
		}
	}
	return n
}

// open are the numbers of the accepted OTPs whose record has not been read, or does not say yet that a message
// which the SMSC has was delivered: also of those whose application cannot be told.
func (l *ledger) open() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(l.by)), func(to string) bool {
		e := l.by[to]
		return e.accepted.IsZero() || e.status != "" && !e.undelivered()
	})
}

// undelivered: the SMSC has it and sent its receipt, and the record does not say so.
func (e *entry) undelivered() bool { return e.copies > 0 && e.delivery != "DELIVERED" }
