package link

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest"
)

func plainName(kind, what string) string { return kind + " " + what }

// TestReferenceComesAgainAfter256Messages: those to one number count up, and a message that is sent again
// keeps its own; in the memory of one process, and in the store.
func TestReferenceComesAgainAfter256Messages(t *testing.T) {
	for name, r := range map[string]*References{
		"in memory":    NewReferences(nil, plainName),
		"in the store": NewReferences(queuetest.Open(t), plainName),
	} {
		seen := make(map[uint8]int)
		for i := range 600 {
			for n := range 2 { // numbers between each other
				to, id := fmt.Sprint("+467000000", n), fmt.Sprint(n, "-", i)
				first := r.of(t.Context(), to, id)
				if again := r.of(t.Context(), to, id); again != first {
					t.Fatalf("%s: sent again with %d, first %d", name, again, first)
				}
				if last, ok := seen[uint8(first)]; n == 0 && ok && i-last < 256 {
					t.Fatalf("%s: messages %d and %d to one number have the same 8 bits", name, last, i)
				}
				if n == 0 {
					seen[uint8(first)] = i
				}
			}
		}
	}
}

// TestReferenceIsOneForAllDaemons: a message that one daemon sent and another sends again, at once or after
// both were started anew, has the reference that it had; messages that daemons send at once have their own.
func TestReferenceIsOneForAllDaemons(t *testing.T) {
	url := queuetest.External(t)
	daemon := func() *References { return NewReferences(queuetest.Open(t, queuetest.URL(url)), plainName) }
	const to = "+46700000001"
	a, b := daemon(), daemon()
	first := a.of(t.Context(), to, "first")
	if again := b.of(t.Context(), to, "first"); again != first {
		t.Errorf("another daemon sends it with %d, it was sent with %d", again, first)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[uint16]string{first: "first"}
	for i := range 40 {
		wg.Go(func() {
			id := fmt.Sprint("at once ", i)
			n := []*References{a, b}[i%2].of(t.Context(), to, id)
			mu.Lock()
			defer mu.Unlock()
			if n-first >= 256 || seen[n] != "" {
				t.Errorf("%s has %d as %q, %d after the first", id, n, seen[n], n-first)
			}
			seen[n] = id
		})
	}
	wg.Wait()
	last := a.of(t.Context(), to, "last")
	queuetest.Close(t, a.queue)
	queuetest.Close(t, b.queue)
	c := daemon()
	if again := c.of(t.Context(), to, "last"); again != last {
		t.Errorf("after a restart it is sent with %d, before with %d", again, last)
	}
	if next := c.of(t.Context(), to, "next"); next != last+1 {
		t.Errorf("%d comes after %d", next, last)
	}
}

// TestReferenceWithoutTheStore: while it does not answer a daemon counts on, and what it counted is not
// counted again when it does.
func TestReferenceWithoutTheStore(t *testing.T) {
	dir := t.TempDir()
	q := queuetest.Open(t, queuetest.Dir(dir))
	r := NewReferences(q, plainName)
	const to = "+46700000001"
	first := r.of(t.Context(), to, "first")
	queuetest.Close(t, q)
	if n := r.of(t.Context(), to, "away"); n != first+1 {
		t.Errorf("without a store %d comes after %d", n, first)
	}
	r.queue = queuetest.Open(t, queuetest.Dir(dir))
	if n := r.of(t.Context(), to, "back"); n != first+2 {
		t.Errorf("with the store again %d comes after %d", n, first+1)
	}
	if n := NewReferences(r.queue, plainName).of(t.Context(), to, "another"); n != first+3 {
		t.Errorf("in another process %d comes after %d", n, first+2)
	}
	if n := NewReferences(r.queue, plainName).of(t.Context(), to, "away"); n != first+1 {
		t.Errorf("what was sent without a store is sent again with %d, it had %d", n, first+1)
	}
}

// TestReferenceIsForgotten: nothing is left of a number's count when it is to be forgotten.
func TestReferenceIsForgotten(t *testing.T) {
	q := queuetest.Open(t)
	r := NewReferences(q, plainName)
	r.of(t.Context(), "+46700000001", "a")
	r.of(t.Context(), "+46700000002", "b")
	if err := r.Forget(context.Background(), "+46700000001"); err != nil {
		t.Fatal(err)
	}
	var left []string
	err := q.References().Each(t.Context(), func(key string, _ []byte) bool { left = append(left, key); return true })
	if want := plainName(referenceKind, "+46700000002"); err != nil || len(left) != 1 || left[0] != want {
		t.Errorf("left are %q, %v", left, err)
	}
}

// TestCountThatCannotBeRead is as good as none.
func TestCountThatCannotBeRead(t *testing.T) {
	for _, value := range [][]byte{nil, {0xff}, []byte("[]"), {0xa1, 0x01, 0x39, 0xff, 0xff}} {
		if c := decodeCount(value); c.Next != 0 || c.Last != nil {
			t.Errorf("%x is %+v", value, c)
		}
	}
}
