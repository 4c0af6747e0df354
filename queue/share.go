package queue

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Pullers of one priority may have shares: of the messages to a country, one whose share is 3 beside one of 1
// gets three quarters. Each message is drawn for a name when it is its turn, so shares may change at any time
// and differ from country to country. The draws of a country are a sequence that is spread evenly (steps of
// the golden ratio, from a random start): over any stretch of messages the parts are nearly those of the
// shares, which independent draws would reach only in the long run.
//
// A puller that is due a message and does not ask at this moment is waited for as long as it may merely be
// busy with the one before. One that does not keep up leaves its messages to the others: a share is never a
// reason to let messages wait.
const (
	shareAfter    = 50 * time.Millisecond // since it got its last message: then it has its hands full
	goldenStep    = 0.6180339887498949
	drawCountries = 512 // more than there are
)

// party is all pullers of one name and priority.
type party struct {
	name   string
	share  float64
	at     int // in work.waiting; -1: none of them waits
	served time.Time
}

// taker is which of the waiting gets a message, of those of the best priority that waits; or how long none
// does yet. For callers that hold mu and have somebody waiting.
func (w *work) taker(i *item) (at int, rest time.Duration) {
	best := w.waiting[0].puller
	if best.share == nil {
		return 0, 0
	}
	w.drawn(i)
	due := pick(w.parties(best.priority, i.country), i.draw)
	switch {
	case due == nil:
		return 0, 0
	case due.at < 0:
		return 0, max(shareAfter-time.Since(due.served), time.Millisecond)
	}
	return due.at, 0
}

// parties are those of a priority that wait or can be expected to, in the order in which they joined.
func (w *work) parties(priority uint8, country string) []party {
	var all []party
	for _, p := range w.pullers {
		if p.priority != priority {
			continue
		}
		k := slices.IndexFunc(all, func(o party) bool { return o.name == p.name })
		if k < 0 {
			k = len(all)
			all = append(all, party{name: p.name, share: p.shareOf(country), at: w.firstWaiting(p)})
		}
		if p.served.After(all[k].served) {
			all[k].served = p.served
		}
	}
	return slices.DeleteFunc(all, func(o party) bool { return o.at < 0 && time.Since(o.served) >= shareAfter })
}

// firstWaiting is the place in waiting of a puller, or of another of its name; -1 for none.
func (w *work) firstWaiting(p *Puller) int {
	return slices.IndexFunc(w.waiting, func(n *want) bool { return n.puller.priority == p.priority && n.puller.name == p.name })
}

func (p *Puller) shareOf(country string) float64 {
	if p.share == nil {
		return 1
	}
	return max(p.share(country), 0)
}

// pick is the party that a draw from 0 to 1 falls on; nil when none has a share.
func pick(all []party, draw float64) (due *party) {
	left := 0.0
	for _, p := range all {
		left += draw * p.share
	}
	for i := range all {
		if all[i].share <= 0 {
			continue
		}
		due = &all[i]
		if left -= due.share; left < 0 {
			break
		}
	}
	return due
}

// drawn draws for a message that has not been drawn for since it was handed out last.
func (w *work) drawn(i *item) {
	if i.draw != 0 {
		return
	}
	i.country = w.country(i)
	last, ok := w.draws[i.country]
	if !ok {
		if len(w.draws) >= drawCountries {
			clear(w.draws)
		}
		last = rand.Float64()
	}
	next := last + goldenStep
	if next >= 1 {
		next--
	}
	w.draws[i.country], i.draw = next, max(next, 1e-9)
}

// country is where a message goes, as far as it says.
func (w *work) country(i *item) string {
	stored, ok := w.q.ledger.Get(w.bucket, i.key)
	if !ok {
		return ""
	}
	e, err := decodeEnvelope(stored.Value)
	if err != nil {
		return ""
	}
	o, err := ParseOutbound(e.data)
	if err != nil {
		return ""
	}
	return o.Country
}
