// Package counts keeps how many OTPs of a group were sent and how many were verified: of a country, a prefix
// of numbers, a link. It knows no group; who counts has a name for each (Group, Store.Key), and judges what
// comes out.
//
// What is counted goes to the store once a second, all of a group in one write: a country's counter written
// with every message would be fought over. So daemons judge by counts up to a few seconds old, and one that
// is killed takes a second of counts with it; a power failure, where the store is embedded, takes those of the
// last minutes. A write whose outcome is not known counts once, stored or not.
package counts

import (
	"time"
)

const (
	slotLength = 10 * time.Minute // a window of an hour ends at one of these
	daysKept   = 14

	// writersKept is for how long a daemon may be without an answer of the store, and count nothing twice.
	writersKept = time.Hour
)

// Window is what was sent and verified in some time.
type Window struct {
	Sent     int `json:"s"`
	Verified int `json:"v"`
}

func (w Window) plus(o Window) Window { return Window{w.Sent + o.Sent, w.Verified + o.Verified} }

// Unverified: at least so many are not verified, and the share verified is below share. 0 is never.
func (w Window) Unverified(least int, share float64) bool {
	return least > 0 && w.Sent-w.Verified >= least && float64(w.Verified) < share*float64(w.Sent)
}

// Counts are those of a group: a day in slots, and what was verified and sent on each day of a fortnight.
// Keys are whole slots and days since 1970.
type Counts struct {
	Slots    map[int64]Window `json:"slots"`
	Days     map[int64]int    `json:"days"`
	SentDays map[int64]int    `json:"sentDays,omitempty"`

	// Writers has a mark of the last write of each daemon that wrote lately: who does not know whether a write
	// of its own was stored finds out by it. A mark is the store's time in milliseconds, and rises.
	Writers map[string]int64 `json:"writers,omitempty"`
}

func empty() Counts {
	return Counts{make(map[int64]Window), make(map[int64]int), make(map[int64]int), make(map[string]int64)}
}

func slotOf(at time.Time) int64 { return at.Unix() / int64(slotLength/time.Second) }
func dayOf(at time.Time) int64  { return at.Unix() / 86400 }

// add counts for the time at.
func (c Counts) add(at time.Time, sent, verified int) {
	c.Slots[slotOf(at)] = c.Slots[slotOf(at)].plus(Window{sent, verified})
	if verified > 0 {
		c.Days[dayOf(at)] += verified
	}
	if sent > 0 {
		c.SentDays[dayOf(at)] += sent
	}
}

// Traffic is what a group is judged by.
type Traffic struct {
	Hour, Day Window // that have gone by: the slots that are at least partly within them
	BestDay   int    // the most that were verified on one day of a fortnight
}

// plus is that of counts, whose traffic is t, and of more. It is the same in all of a slot.
func (t Traffic) plus(counts, more Counts, now time.Time) Traffic {
	hour, day := slotOf(now.Add(-time.Hour)), slotOf(now.Add(-24*time.Hour))
	for slot, w := range more.Slots {
		if slot >= day {
			t.Day = t.Day.plus(w)
		}
		if slot >= hour {
			t.Hour = t.Hour.plus(w)
		}
	}
	for day, n := range more.Days {
		if day > dayOf(now)-daysKept {
			t.BestDay = max(t.BestDay, counts.Days[day]+n)
		}
	}
	return t
}

func (c Counts) traffic(now time.Time) Traffic { return Traffic{}.plus(Counts{}, c, now) }

// plus adds, and forgets what is too old.
func (c Counts) plus(o Counts, now time.Time) Counts {
	sum := empty()
	for _, from := range []Counts{c, o} {
		for slot, w := range from.Slots {
			if slot >= slotOf(now.Add(-24*time.Hour)) {
				sum.Slots[slot] = sum.Slots[slot].plus(w)
			}
		}
		sumDays(sum.Days, from.Days, now)
		sumDays(sum.SentDays, from.SentDays, now)
		for writer, mark := range from.Writers {
			if mark > now.Add(-writersKept).UnixMilli() {
				sum.Writers[writer] = mark
			}
		}
	}
	return sum
}

func sumDays(sum, from map[int64]int, now time.Time) {
	for day, n := range from {
		if day > dayOf(now)-daysKept {
			sum[day] += n
		}
	}
}
