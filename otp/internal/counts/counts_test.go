package counts

import (
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestTraffic: what is stored and what waits add up, by the hour, the day and the best day of a fortnight.
func TestTraffic(t *testing.T) {
	now := time.Unix(100*86400, 0).Add(15 * time.Hour)
	stored, fresh := empty(), empty()
	stored.add(now, 8, 4)
	fresh.add(now.Add(-30*time.Minute), 2, 1)
	stored.add(now.Add(-2*time.Hour), 5, 2)
	fresh.add(now.Add(-23*time.Hour), 7, 3)
	stored.add(now.Add(-48*time.Hour), 40, 30)
	fresh.add(now.Add(-48*time.Hour), 10, 9)
	stored.add(now.Add(-daysKept*24*time.Hour), 1000, 900)
	want := Traffic{Hour: Window{10, 5}, Day: Window{22, 10}, BestDay: 39}
	if got := stored.traffic(now).plus(stored, fresh, now); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := fresh.traffic(now).plus(fresh, stored, now); got != want {
		t.Errorf("the other way round %+v, want %+v", got, want)
	}
}

// TestTrafficOfLater: what is known of a group is judged by the time of the question, not of the reading.
func TestTrafficOfLater(t *testing.T) {
	s := storeOf(queuetest.Open(t))
	s.Alone = true
	var c Counter
	now := s.Now()
	c.Add(sweden, now, 5, 2)
	c.Flush(t.Context(), s)
	c.Add(sweden, now, 1, 0)
	for later, want := range map[time.Duration]Traffic{
		0: {Window{6, 2}, Window{6, 2}, 2}, 2 * time.Hour: {Window{}, Window{6, 2}, 2}, 30 * time.Hour: {BestDay: 2}, 20 * 24 * time.Hour: {},
	} {
		if got := c.Traffic(t.Context(), s, sweden, now.Add(later)); got != want {
			t.Errorf("after %s: %+v, want %+v", later, got, want)
		}
	}
}

// BenchmarkTraffic: of a country that had OTPs all day.
func BenchmarkTraffic(b *testing.B) {
	s := storeOf(queuetest.Open(b))
	var c Counter
	now := s.Now()
	for ago := time.Duration(0); ago < 24*time.Hour; ago += slotLength {
		c.Add(sweden, now.Add(-ago), 100, 80)
	}
	c.Flush(b.Context(), s)
	c.Add(sweden, now, 1, 0)
	b.ReportAllocs()
	for b.Loop() {
		c.Traffic(b.Context(), s, sweden, now)
	}
}
