// Package limit counts how often something was done in any stretch of time, and refuses what is once too
// often.
//
// The times of the last uses of a name are one value in the store, changed by compare-and-set, so a limit is
// exact over all daemons; but where the store has little room left for names, one that was used once is
// forgotten earlier (see keep). A use is stored in one transaction with what it is a use of, and what is
// refused does not count.
package limit

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Limit is how often something may be done in any stretch of time, not only by the clock's hours.
type Limit struct {
	Max int // 1 to Most
	Per time.Duration
}

// Most bounds a limit: the times of all that count are kept.
const Most = 1000

// Limits hold all at once. None is no limit.
type Limits []Limit

// String is the form of the configuration: 5/10m,10/24h.
func (l Limits) String() string {
	list := make([]string, len(l))
	for i, one := range l {
		list[i] = fmt.Sprintf("%d/%s", one.Max, brief(one.Per))
	}
	return strings.Join(list, ",")
}

// brief writes 10m0s as 10m.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// longest is the longest time that counts.
func (l Limits) longest() time.Duration {
	var longest time.Duration
	for _, one := range l {
		longest = max(longest, one.Per)
	}
	return longest
}

// From half of the room for names on, a name that was used once is kept for less than its limits count, down
// to ten minutes when little room is left: the others are a day's strangers, and to refuse everybody for them
// would be worse. Whoever is used again while it is known is counted as its limits say.
const (
	crowded = 0.5
	packed  = 0.9
	least   = 10 * time.Minute
)

// keep is how long the times of so many uses stay, by how full the store is of names.
func (l Limits) keep(uses int, fill float64) time.Duration {
	longest := l.longest()
	if uses > 1 || fill <= crowded || longest <= least {
		return longest
	}
	share := min((fill-crowded)/(packed-crowded), 1)
	return time.Duration(math.Pow(float64(longest), 1-share) * math.Pow(float64(least), share)).Round(time.Second)
}

// reached finds the limit that the times, oldest first, have reached, and when it no longer will be. Of
// several the one that lasts longest.
func (l Limits) reached(times []int64, now time.Time) (limit Limit, until time.Time, yes bool) {
	for _, one := range l {
		if len(times) < one.Max {
			continue
		}
		end := time.UnixMilli(times[len(times)-one.Max]).Add(one.Per)
		if end.After(now) && end.After(until) {
			limit, until, yes = one, end, true
		}
	}
	return limit, until, yes
}

// Words is a length of time for people: "10 minutes".
func Words(d time.Duration) string {
	for _, unit := range []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int64(d / unit.d); n > 0 && d%unit.d == 0 {
			return plural(n, unit.name)
		}
	}
	return plural(int64(d/time.Second), "second")
}

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
