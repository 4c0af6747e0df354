package backoff

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestPausesGrow: each bound is twice the one before, up to the longest, and pauses use the whole of it.
func TestPausesGrow(t *testing.T) {
	bounds := []time.Duration{100, 200, 400, 800, 1000, 1000}
	longest := make([]time.Duration, len(bounds))
	for range 2000 {
		b := Backoff{First: 100, Longest: 1000}
		for i, bound := range bounds {
			pause := b.Next()
			if pause < 0 || pause > bound {
				t.Fatalf("pause %d is %d, the bound %d", i, pause, bound)
			}
			longest[i] = max(longest[i], pause)
		}
	}
	for i, bound := range bounds {
		if longest[i] < bound*9/10 {
			t.Errorf("of 2000 pauses %d none is over %d of %d", i, longest[i], bound)
		}
	}
}

func TestResetBeginsAnew(t *testing.T) {
	b := Backoff{First: 1, Longest: time.Hour}
	for range 40 {
		b.Next()
	}
	b.Reset()
	if pause := b.Next(); pause > 1 {
		t.Errorf("%v after a reset", pause)
	}
}

func TestDoubled(t *testing.T) {
	for _, test := range []struct {
		first   time.Duration
		n       int
		longest time.Duration
		want    time.Duration
	}{
		{time.Second, 0, time.Minute, time.Second}, {time.Second, 5, time.Minute, 32 * time.Second}, {time.Second, 6, time.Minute, time.Minute},
		{time.Second, 1 << 40, time.Minute, time.Minute}, {time.Hour, 0, time.Minute, time.Minute}, {time.Second, -1, time.Minute, time.Second},
		{0, 100, time.Minute, 0}, {1, 100, 1 << 62, 1 << 32},
	} {
		if got := Doubled(test.first, test.n, test.longest); got != test.want {
			t.Errorf("%v doubled %d times, up to %v: %v, want %v", test.first, test.n, test.longest, got, test.want)
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := Sleep(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Errorf("%v, %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		if err := Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("%v, %v", time.Since(began), err)
		}
		if err := Sleep(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the end: %v", err)
		}
	})
}
