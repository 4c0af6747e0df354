package dlr

import (
	"sync"
	"time"
)

// PartReceipts says how many receipts a carrier sends for a message of several parts
// (OTPGW_LINK_<NAME>_PART_RECEIPTS).
type PartReceipts string

// The ways of carriers. Of PartsOne the one receipt may have the id of any of the parts.
const (
	PartsAuto PartReceipts = "auto" // as the link has done so far
	PartsEach PartReceipts = "each" // one for each part
	PartsOne  PartReceipts = "one"  // one for all parts
)

// What is learned of a link by PartsAuto.
const (
	learnOne   = 3   // messages in a row of which only one part had a receipt in time, before one receipt settles all at once
	learnLess  = 10  // the same, of a link that has sent more than one for a message before
	remembered = 256 // messages of a link whose first receipt was lately
)

// partHabits is what each link does with messages of several parts. It is learned anew by each daemon: it
// takes few messages, and costs nothing but a wait meanwhile.
type partHabits struct {
	now func() time.Time

	mu    sync.Mutex
	links map[string]*partHabit // guarded by mu, as what is in it
}

type partHabit struct {
	first []firstReceipt // the oldest first
	alone int            // messages in a row with one receipt only
	each  bool           // the carrier has sent several for a message
}

// firstReceipt is the first receipt of a message.
type firstReceipt struct {
	message string
	part    int
	at      time.Time
}

func newPartHabits() *partHabits {
	return &partHabits{now: time.Now, links: make(map[string]*partHabit)}
}

// heard takes in that a part was delivered, and says what the link does so far. wait is how long the receipts
// of the other parts may take.
func (p *partHabits) heard(link, message string, part int, wait time.Duration) PartReceipts {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.links[link]
	if h == nil {
		h = new(partHabit)
		p.links[link] = h
	}
	h.sweep(p.now().Add(-wait))
	h.note(firstReceipt{message, part, p.now()})
	return h.way()
}

// way is what the link does, as far as is known.
func (h *partHabit) way() PartReceipts {
	switch {
	case h.each && h.alone < learnLess:
		return PartsEach
	case h.alone >= learnOne:
		return PartsOne
	}
	return PartsAuto
}

// sweep counts the messages of which no second part was heard in time.
func (h *partHabit) sweep(before time.Time) {
	for len(h.first) > 0 && h.first[0].at.Before(before) {
		h.first = h.first[1:]
		h.alone++
	}
}

func (h *partHabit) note(r firstReceipt) {
	for i, f := range h.first {
		if f.message != r.message {
			continue
		}
		if f.part != r.part { // the carrier sends one for each
			h.first = append(h.first[:i:i], h.first[i+1:]...)
			h.alone, h.each = 0, true
		}
		return
	}
	if len(h.first) < remembered {
		h.first = append(h.first, r)
	}
}

// known is what the link does so far.
func (p *partHabits) known(link string, wait time.Duration) PartReceipts {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.links[link]; h != nil {
		h.sweep(p.now().Add(-wait))
		return h.way()
	}
	return PartsAuto
}
