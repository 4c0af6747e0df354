package queue

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFairOrder: whatever is put in and taken out of the middle, the groups take turns, and of each group the
// oldest comes first.
func TestFairOrder(t *testing.T) {
	f, r := newFair(), rand.New(rand.NewPCG(1, 2))
	want := make(map[string][]*item) // by group, the oldest first
	put := func(i *item) {
		f.push(i)
		g := append(want[i.group], i)
		slices.SortFunc(g, func(a, b *item) int { return cmp.Compare(a.sequence, b.sequence) })
		want[i.group] = g
	}
	takeOut := func(i *item) {
		want[i.group] = slices.DeleteFunc(want[i.group], func(o *item) bool { return o == i })
	}
	for n := range 5000 {
		group := fmt.Sprint("g", r.IntN(3))
		switch dice := r.IntN(10); {
		case dice < 6:
			put(&item{group: group, sequence: r.Uint64()}) // any age: it may have been given back
		case dice < 8 && len(want[group]) > 0:
			i := want[group][r.IntN(len(want[group]))]
			f.remove(i)
			takeOut(i)
			if i.in != nil {
				t.Fatal("it was taken out, and knows where it is")
			}
		default:
			first := f.first()
			i := f.pop()
			if i != first {
				t.Fatalf("step %d: pop takes another than first tells", n)
			}
			if i == nil {
				continue
			}
			if want[i.group][0] != i {
				t.Fatalf("step %d: not the oldest of %s", n, i.group)
			}
			takeOut(i)
		}
		for group, items := range want {
			if f.of(group) != len(items) {
				t.Fatalf("step %d: %d of %s, want %d", n, f.of(group), group, len(items))
			}
		}
	}
	last := ""
	for f.size > 0 {
		i := f.pop()
		if i.group == last && f.of("g0")+f.of("g1")+f.of("g2") > f.of(last) {
			t.Fatalf("%s twice in a row, and others wait", last)
		}
		last = i.group
	}
}
