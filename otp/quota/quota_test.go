package quota_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/otp/quota"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestNobodyTakesMore: two keepers at once give out all of a quota and no more; what comes to nothing, and
// what a keeper has at its end, is given back; the levels are told once.
func TestNobodyTakesMore(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	var told sync.Map
	reached := func(_ *queue.Tx, _ quota.Quota, percent int64, _ time.Time) {
		if _, again := told.LoadOrStore(percent, true); again {
			t.Logf("%d %% is in two transactions, of which one is stored", percent)
		}
	}
	one := &quota.Keeper{Queue: q, Now: q.Now, Reached: reached}
	two := &quota.Keeper{Queue: q, Now: q.Now, Reached: reached}
	limit := quota.Quota{Name: "day.shop", Period: quota.Month, Max: 1000}
	var taken atomic.Int64
	var all sync.WaitGroup
	for w := range 8 {
		k := []*quota.Keeper{one, two}[w%2]
		all.Go(func() {
			for n := range 200 {
				back, err := k.Take(context.Background(), []quota.Use{{Quota: limit, N: 1}})
				var over *quota.Exceeded
				switch {
				case err == nil && n%10 == 0:
					back()
				case err == nil:
					taken.Add(1)
				case !errors.As(err, &over) || !over.Until.After(q.Now()):
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := one.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := two.Take(t.Context(), []quota.Use{{Quota: limit, N: 1}}); err != nil {
			break
		}
		taken.Add(1)
	}
	if used, _, err := two.Used(limit); taken.Load() != limit.Max || used != limit.Max || err != nil {
		t.Errorf("%d of %d were taken, %d are used, %v", taken.Load(), limit.Max, used, err)
	}
	for _, percent := range []int64{80, 100} {
		if _, ok := told.Load(percent); !ok {
			t.Errorf("%d %% was not told", percent)
		}
	}
}

// TestPeriods: a day is of the quota's time zone, also where the clocks change, and a month has its own
// length.
func TestPeriods(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	sofia, err := time.LoadLocation("Europe/Sofia")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		period quota.Period
		zone   *time.Location
		now    string
		until  string
	}{
		{quota.Day, nil, "2026-11-26T23:59:59Z", "2026-11-27T00:00:00Z"},
		{quota.Day, sofia, "2026-11-26T22:30:00Z", "2026-11-27T22:00:00Z"},
		{quota.Day, sofia, "2026-10-24T21:30:00Z", "2026-10-25T22:00:00Z"}, // 25 hours
		{quota.Month, sofia, "2026-12-31T22:00:00Z", "2027-01-31T22:00:00Z"},
		{quota.Hour, sofia, "2026-11-26T22:30:00Z", "2026-11-26T23:00:00Z"},
	} {
		now, _ := time.Parse(time.RFC3339, c.now)
		k := &quota.Keeper{Queue: q, Now: func() time.Time { return now }}
		_, until, err := k.Used(quota.Quota{Name: "x", Period: c.period, Zone: c.zone, Max: 1})
		if err != nil || until.UTC().Format(time.RFC3339) != c.until {
			t.Errorf("a %s at %s ends %s, want %s; %v", c.period, c.now, until.UTC(), c.until, err)
		}
	}
}
