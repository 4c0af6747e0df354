package queue

import (
	"fmt"
	"testing"
)

// TestCalendar: what is noted comes out once, with its time, when its ten seconds begin, also after a long
// pause.
func TestCalendar(t *testing.T) {
	c := newCalendar()
	start := int64(1_800_000_000_000)
	c.open(start)
	want := make(map[string]int64)
	for i := range 500 {
		key, at := fmt.Sprint("key ", i), start+calendarSlot+int64(i*i)
		noted, first := c.add(at, key)
		if !noted || first != (i == 0) {
			t.Fatalf("%s: noted %v, first %v", key, noted, first)
		}
		want[key] = at
	}
	if noted, _ := c.add(start, "now"); noted {
		t.Error("what is due now was put off")
	}
	check := func(now int64) {
		t.Helper()
		eachOpened(c.open(now), func(at int64, key string) {
			if want[key] != at || at/calendarSlot > now/calendarSlot {
				t.Errorf("%s at %d opened at %d, want %d", key, at, now, want[key])
			}
			delete(want, key)
		})
		for key, at := range want {
			if at <= now {
				t.Errorf("%s is not there at %d", key, now)
			}
		}
	}
	for now := start; now < start+8*calendarSlot; now += calendarSlot / 3 {
		check(now)
		if next := c.next(); next <= now {
			t.Fatalf("the next slot opens at %d, and it is %d", next, now)
		}
	}
	check(start + 1000*calendarSlot)
	if len(want) > 0 || c.next() != 0 {
		t.Errorf("left: %v, next %d", want, c.next())
	}
}
