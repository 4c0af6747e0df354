package memory

import "testing"

// TestMemoryGoesBackAfterLoad: once, half a minute after a load has ended, where that is worth it; never
// during one, and again after the next.
func TestMemoryGoesBackAfterLoad(t *testing.T) {
	const mib = 1 << 20
	var r restful
	allocated, given := uint64(0), 0
	look := func(times, each int, spare int64) (gave []int) {
		for i := range times {
			allocated += uint64(each)
			if r.tick(allocated, spare) {
				gave = append(gave, i)
				given++
			}
		}
		return gave
	}
	if gave := look(100, 200*mib, 500*mib); gave != nil {
		t.Errorf("given back under load, at look %v", gave)
	}
	if gave := look(100, mib, 500*mib); len(gave) != 1 || gave[0] != restAfter-1 {
		t.Errorf("given back at look %v after the load, want once at %d", gave, restAfter-1)
	}
	look(1, 200*mib, 500*mib)
	if gave := look(restAfter-1, mib, 500*mib); gave != nil {
		t.Errorf("given back at look %v, right after a load", gave)
	}
	if gave := look(100, mib, mib); gave != nil {
		t.Errorf("given back at look %v, where there is nothing to give", gave)
	}
	if gave := look(1, mib, 500*mib); len(gave) != 1 {
		t.Error("not given back when there is")
	}
	if given != 2 {
		t.Errorf("given back %d times after two loads", given)
	}
}

// TestCollectorsRoom: the collector's room is a share of a small heap, and bounded for a large one.
func TestCollectorsRoom(t *testing.T) {
	for live, want := range map[uint64]int{0: gcPercent, 10 << 20: gcPercent, 192 << 20: 100, 1 << 30: 18, 32 << 30: gcLeast} {
		if got := percentFor(live); got != want {
			t.Errorf("%d MiB live: %d %%, want %d", live>>20, got, want)
		}
	}
}
