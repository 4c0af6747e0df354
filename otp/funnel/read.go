package funnel

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Picture is the last hour or day.
type Picture struct {
	Since     time.Time `json:"since"`
	Seconds   int       `json:"seconds"` // of a point
	Total     Counts    `json:"total"`   // asked, handed, delivered, verified
	Points    []Counts  `json:"points"`  // the oldest first; the last one is not over
	Countries []Row     `json:"countries"`
	Links     []Row     `json:"links"` // of what was handed over
	Delivery  Times     `json:"delivery"`
	Verify    Times     `json:"verify"`
}

// Row is a country's or a link's part.
type Row struct {
	Name   string `json:"name"`
	Counts Counts `json:"counts"`
}

// Times are how long something took.
type Times struct {
	Bounds []float64 `json:"bounds"` // upper ends of the classes, in seconds; the last class has none
	Counts []uint32  `json:"counts"`
	Median float64   `json:"median"` // seconds, about; 0: nothing was counted
	P90    float64   `json:"p90"`
}

// Pictures are the last hour, by the minute, and the last day, by ten minutes.
type Pictures struct {
	Hour Picture `json:"hour"`
	Day  Picture `json:"day"`
}

// Read sums what all daemons counted. It is a few seconds behind.
func (f *Funnel) Read(ctx context.Context) (Pictures, error) {
	now := f.now()
	slots, err := f.read(ctx)
	if err != nil {
		return Pictures{}, err
	}
	minute := now.Unix() / 60
	hour := Picture{Seconds: 60, Since: time.Unix((minute-59)*60, 0).UTC(), Points: make([]Counts, 60)}
	last := minute / slotMinutes
	day := Picture{Seconds: int(slotTime.Seconds()), Since: time.Unix((last-143)*slotMinutes*60, 0).UTC(), Points: make([]Counts, 144)}
	recent, whole := newSlot(), newSlot()
	for number, s := range slots {
		at := int(number - (last - 143))
		if at < 0 || at >= len(day.Points) {
			continue
		}
		whole.add(s)
		for i, c := range s.Minutes {
			day.Points[at].add(c)
			if m := int(number*slotMinutes + int64(i) - (minute - 59)); m >= 0 && m < len(hour.Points) {
				hour.Points[m].add(c)
			}
		}
		if number > last-6 { // whole slots: what is by country, link or time may be up to ten minutes short
			recent.add(s)
		}
	}
	return Pictures{hour.of(recent), day.of(whole)}, nil
}

// read sums the slots of all daemons, by number.
func (f *Funnel) read(ctx context.Context) (map[int64]*slot, error) {
	slots := make(map[int64]*slot)
	err := f.bucket.Each(ctx, func(key string, value []byte) bool {
		_, text, _ := strings.Cut(key, ".")
		number, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return true
		}
		s, err := decode(value)
		if err != nil {
			return true // of a newer version
		}
		if slots[number] == nil {
			slots[number] = newSlot()
		}
		slots[number].add(s)
		return true
	})
	return slots, err
}

func (p Picture) of(s *slot) Picture {
	for _, c := range p.Points {
		p.Total.add(c)
	}
	p.Countries, p.Links = rows(s.Countries, Asked), rows(s.Links, Handed)
	p.Delivery, p.Verify = s.Delivery.shown(), s.Verify.shown()
	return p
}

// rows are the largest first.
func rows(of map[string]Counts, by Stage) []Row {
	list := []Row{}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		list = append(list, Row{name, of[name]})
	}
	slices.SortStableFunc(list, func(a, b Row) int { return cmp.Compare(b.Counts[by], a.Counts[by]) })
	return list
}

func (t times) shown() Times {
	counts := make([]uint32, len(bounds)+1)
	copy(counts, t)
	return Times{Bounds: bounds, Counts: counts, Median: t.quantile(0.5), P90: t.quantile(0.9)}
}

// quantile is about where a share of what was counted lies under; within a class it is taken to be spread
// evenly.
func (t times) quantile(share float64) float64 {
	all := 0.0
	for _, n := range t {
		all += float64(n)
	}
	rank, low := share*all, 0.0
	for i, n := range t {
		if i >= len(bounds) {
			break
		}
		if n > 0 && rank <= float64(n) {
			return low + (bounds[i]-low)*rank/float64(n)
		}
		rank -= float64(n)
		low = bounds[i]
	}
	if all == 0 {
		return 0
	}
	return bounds[len(bounds)-1]
}
