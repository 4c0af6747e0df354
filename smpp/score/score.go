// Package score says how a route's messages are best shared out among links of equal priority: by what came
// of those before. A receipt proves little, for some carriers invent them; a PIN that was verified proves
// that its message arrived.
//
//	Sent, Verified, Delivered (as they happen) -> an estimate for each link and country -> Share (queue.PullOptions.Share)
//
// A link's estimate is the part verified of what it was given lately (some 60 messages to a country), drawn
// to that of its rivals, the links that it shares messages with, while it has few. Its share falls with a
// power of the distance to the best, so that links that differ by chance are alike and one that delivers
// nothing is left at once. No share is below Floor: what is given to a link that is out of favour finds out
// when it is mended, and ten messages of it that went well have it begin anew. A carrier whose messages are
// delivered late, by its own receipts, counts as one that delivers nothing, until few are late.
//
// All is in memory, and forgotten when the daemon ends. Daemons that share a store tell each other each
// second what they counted (Exchange), so that all of them judge alike.
package score

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// How it judges.
const (
	Floor = 0.05 // of the share of the best

	memory   = 60.0 // messages of a link to a country
	recent   = 10.0
	prior    = 10.0
	slope    = 6.0
	mended   = 0.8 // of the best, by what is recent
	bad      = 0.5 // of the best
	forgets  = 6 * time.Hour
	slowFrom = 0.3 // late of what was delivered
	slowTo   = 0.1
	slowSeen = 10.0
)

// Board keeps the estimates. Make it with New.
type Board struct {
	now func() time.Time

	mu        sync.Mutex // guards the rest
	slowAfter time.Duration
	links     map[key]*estimate
	pace      map[string]*pace
	known     []string            // links that something was counted of
	rivals    map[string][]string // of a link, itself too; a link without shares with all that are known
	own       map[key]*tally      // not told to other daemons yet; nil where there are none
}

type key struct{ link, country string }

// estimate is of a link and a country; sums fade with each message, and with time.
type estimate struct {
	long, short sums
	at          time.Time
}

type sums struct{ sent, verified float64 }

// pace is how late a link's messages are delivered.
type pace struct {
	seen, late float64
	slow       bool
}

// New is a board on which what is delivered later than slowAfter is late.
func New(slowAfter time.Duration, now func() time.Time) *Board {
	return &Board{slowAfter: slowAfter, now: now, links: make(map[key]*estimate), pace: make(map[string]*pace)}
}

// Compare has each link measured against those that it shares messages with: each group is the links of one
// priority of a route. A link that no traffic can be moved to says nothing of those that there is a choice
// of.
func (b *Board) Compare(groups [][]string) {
	rivals := make(map[string][]string)
	for _, group := range groups {
		for _, link := range group {
			for _, rival := range group {
				if !slices.Contains(rivals[link], rival) {
					rivals[link] = append(rivals[link], rival)
				}
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rivals = rivals
}

// SlowAfter has what is delivered later than this count as late from now on.
func (b *Board) SlowAfter(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slowAfter = d
}

// Sent counts a message that the link's carrier took.
func (b *Board) Sent(link, country string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := key{link, country}
	b.sent(k)
	b.count(k, func(t *tally) { t.Sent++ })
}

func (b *Board) sent(k key) {
	e := b.of(k)
	e.long.fade(1 - 1/memory)
	e.short.fade(1 - 1/recent)
	e.long.sent++
	e.short.sent++
}

// Verified counts one whose PIN was verified.
func (b *Board) Verified(link, country string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := key{link, country}
	b.verified(k)
	b.count(k, func(t *tally) { t.Verified++ })
}

func (b *Board) verified(k key) {
	e := b.of(k)
	e.long.verified = min(e.long.verified+1, e.long.sent)
	e.short.verified = min(e.short.verified+1, e.short.sent)
	best, _ := b.best(k)
	if e.short.sent >= recent/2 && e.long.share() < bad*best && e.short.share() >= mended*best {
		e.long = e.short // it was mended
	}
}

// Delivered counts a receipt that tells of delivery, that long after the carrier took the message.
func (b *Board) Delivered(link string, after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	late := after > b.slowAfter
	b.delivered(link, late)
	b.count(key{link: link}, func(t *tally) {
		if late {
			t.Late++
		} else {
			t.InTime++
		}
	})
}

func (b *Board) delivered(link string, late bool) {
	p := b.pace[link]
	if p == nil {
		p = new(pace)
		b.pace[link] = p
	}
	p.seen, p.late = p.seen*(1-1/memory)+1, p.late*(1-1/memory)
	if late {
		p.late++
	}
	switch part := p.late / p.seen; {
	case !p.slow && p.seen >= slowSeen && part >= slowFrom:
		p.slow = true
	case p.slow && part <= slowTo:
		p.slow = false
	}
}

// Link is how a link does, for people.
type Link struct {
	Link     string  `json:"link"`
	Country  string  `json:"country,omitempty"`
	Sent     float64 `json:"sent"`     // of what is remembered
	Verified float64 `json:"verified"` // the same
	Share    float64 `json:"share"`    // 0 to 1, of that of the best
	Late     float64 `json:"late"`     // 0 to 1, of what it delivered lately, to whatever country
	Slow     bool    `json:"slow"`     // so many are late that it counts as one that delivers nothing
}

// Share is what a link is due of the messages to a country: 1 for the best one.
func (b *Board) Share(link, country string) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.share(key{link, country})
}

func (b *Board) share(k key) float64 {
	if p := b.pace[k.link]; p != nil && p.slow {
		return Floor
	}
	best, mean := b.best(k)
	if best == 0 {
		return 1
	}
	return max(Floor, math.Pow(min(b.of(k).hope(mean)/best, 1), slope))
}

// Links are how some links do in each country that something is known of, by country and as they are named.
func (b *Board) Links(names []string) []Link {
	b.mu.Lock()
	defer b.mu.Unlock()
	countries := make(map[string]bool)
	for k := range b.links {
		if slices.Contains(names, k.link) {
			countries[k.country] = true
		}
	}
	all := []Link{}
	for _, country := range slices.Sorted(maps.Keys(countries)) {
		for _, name := range names {
			k := key{name, country}
			row := Link{Link: name, Country: country, Share: rounded(b.share(k))}
			if e := b.links[k]; e != nil {
				row.Sent, row.Verified = math.Round(e.long.sent), math.Round(e.long.verified)
			}
			if p := b.pace[name]; p != nil {
				row.Late, row.Slow = rounded(p.late/p.seen), p.slow
			}
			all = append(all, row)
		}
	}
	return all
}

func rounded(part float64) float64 { return math.Round(100*part) / 100 }

// rivalsOf are the links that a link is measured against.
func (b *Board) rivalsOf(link string) []string {
	if rivals := b.rivals[link]; rivals != nil {
		return rivals
	}
	return b.known
}

// best is the best hope of a link and its rivals in a country, and the part verified over all of them.
func (b *Board) best(of key) (best, mean float64) {
	var all sums
	rivals := b.rivalsOf(of.link)
	for _, name := range rivals {
		if e := b.links[key{name, of.country}]; e != nil {
			all.sent += e.long.sent
			all.verified += e.long.verified
		}
	}
	if all.verified == 0 {
		return 0, 0 // nothing is known of anybody
	}
	mean = all.share()
	for _, name := range rivals {
		e, p := b.links[key{name, of.country}], b.pace[name]
		if e != nil && (p == nil || !p.slow) {
			best = max(best, e.hope(mean))
		}
	}
	return best, mean
}

// hope is the part verified that a link may have, drawn to the mean where little is known.
func (e *estimate) hope(mean float64) float64 {
	n := e.long.sent + prior
	p := (e.long.verified + prior*mean) / n
	return p + math.Sqrt(p*(1-p)/n)
}

// of finds or makes an estimate, and has it fade with time.
func (b *Board) of(k key) *estimate {
	now := b.now()
	e := b.links[k]
	if e == nil {
		e = &estimate{at: now}
		b.links[k] = e
		if !slices.Contains(b.known, k.link) {
			b.known = append(b.known, k.link)
		}
	}
	if d := now.Sub(e.at); d > time.Minute {
		e.long.fade(math.Exp2(-float64(d) / float64(forgets)))
		e.at = now
	}
	return e
}

func (s *sums) fade(by float64) { s.sent, s.verified = s.sent*by, s.verified*by }

func (s sums) share() float64 {
	if s.sent == 0 {
		return 0
	}
	return s.verified / s.sent
}
