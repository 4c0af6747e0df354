package limit

import (
	"testing"
	"time"
)

func TestLimitsReached(t *testing.T) {
	now := time.UnixMilli(1_000_000_000)
	ago := func(ds ...time.Duration) (times []int64) {
		for _, d := range ds {
			times = append(times, now.Add(-d).UnixMilli())
		}
		return times
	}
	limits := Limits{{2, time.Minute}, {3, time.Hour}}
	for _, test := range []struct {
		name  string
		times []int64
		max   int // of the limit reached; 0 for none
		wait  time.Duration
	}{
		{"none yet", nil, 0, 0},
		{"one", ago(time.Second), 0, 0},
		{"two in a minute", ago(50*time.Second, time.Second), 2, 10 * time.Second},
		{"two, one just out", ago(time.Minute, time.Second), 0, 0},
		{"three in an hour", ago(59*time.Minute, 50*time.Minute, 2*time.Minute), 3, time.Minute},
		{"both: the one that lasts longer", ago(30*time.Minute, 2*time.Second, time.Second), 3, 30 * time.Minute},
		{"more than allowed, as after a change of the limit: until few enough are left", ago(40*time.Minute, 30*time.Minute, 20*time.Minute, 10*time.Minute), 3, 30 * time.Minute},
	} {
		limit, until, yes := limits.reached(test.times, now)
		if yes != (test.max > 0) || limit.Max != test.max || yes && until.Sub(now) != test.wait {
			t.Errorf("%s: %v, %v, %v", test.name, limit, until.Sub(now), yes)
		}
	}
	if s := (Limits{{5, 10 * time.Minute}, {10, 24 * time.Hour}, {1, 90 * time.Second}}).String(); s != "5/10m,10/24h,1/1m30s" {
		t.Error(s)
	}
	for d, want := range map[time.Duration]string{10 * time.Minute: "10 minutes", 24 * time.Hour: "1 day", time.Second: "1 second", 90 * time.Second: "90 seconds", time.Hour: "1 hour"} {
		if got := Words(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
}

// TestStrangersAreForgottenFirst: the fuller the store, the shorter a name that was used once is kept; one
// that is used again is kept for as long as its limits count.
func TestStrangersAreForgottenFirst(t *testing.T) {
	day := Limits{{5, 10 * time.Minute}, {10, 24 * time.Hour}}
	for _, c := range []struct {
		limits Limits
		uses   int
		fill   float64
		want   time.Duration
	}{
		{day, 1, 0, 24 * time.Hour}, {day, 1, 0.5, 24 * time.Hour}, {day, 1, 0.7, 2 * time.Hour}, {day, 1, 0.9, 10 * time.Minute},
		{day, 1, 1.2, 10 * time.Minute}, {day, 2, 1, 24 * time.Hour}, {Limits{{5, time.Minute}}, 1, 1, time.Minute},
	} {
		if got := c.limits.keep(c.uses, c.fill); got != c.want {
			t.Errorf("%s, %d uses, %v full: kept for %s, want %s", c.limits, c.uses, c.fill, got, c.want)
		}
	}
}
