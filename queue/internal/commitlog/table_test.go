package commitlog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// tableModel is what a bucket should hold, beside the bucket.
type tableModel struct {
	t    *testing.T
	s    *State
	b    *bucket
	want map[string]string
}

func (m *tableModel) set(key string, value []byte) {
	m.s.revision++
	m.s.set(m.b, &op{key: []byte(key), value: value}, false)
	m.want[key] = string(value)
}

func (m *tableModel) remove(key string) {
	m.s.remove(m.b, []byte(key), false)
	delete(m.want, key)
}

func (m *tableModel) check() {
	m.t.Helper()
	if m.b.index.keys != len(m.want) {
		m.t.Fatalf("%d keys, want %d", m.b.index.keys, len(m.want))
	}
	for key, value := range m.want {
		if e, ok := m.s.get(m.b.name, key, 0); !ok || string(e.Value) != value {
			m.t.Fatalf("%q is %d octets, %v; want %d", key, len(e.Value), ok, len(value))
		}
	}
	for key := range m.want {
		if _, ok := m.s.get(m.b.name, key+"-", 0); ok {
			m.t.Fatalf("%q is there", key+"-")
		}
	}
}

// TestTable: whatever is set, made longer or shorter, and taken away, under keys of which many have the same
// hash, is what is there; and when all is gone so is its memory.
func TestTable(t *testing.T) {
	for name, hashes := range map[string]uint32{"few hashes": 63, "all hashes": 1<<32 - 1} {
		t.Run(name, func(t *testing.T) {
			s := newState()
			s.hashes = hashes
			m := &tableModel{t, s, s.bucket("b"), make(map[string]string)}
			sizes := []int{0, 1, 7, 200, 201, 999, fineSize, fineSize + 1, largest - 40, largest, largest + 1, 3 * pageSize}
			for i := range 6000 {
				key := fmt.Sprint("key ", rand.N(400))
				if rand.N(3) == 0 {
					m.remove(key)
				} else {
					m.set(key, bytes.Repeat([]byte{byte(i)}, sizes[rand.N(len(sizes))]))
				}
				if i%1000 == 0 {
					m.check()
				}
			}
			m.check()
			for key := range m.want {
				m.remove(key)
			}
			m.check()
			if places := m.b.index.parts; len(places) != 1 || places[0].slots != nil || m.b.size != 0 {
				t.Errorf("%d places of the index and %d octets are left", len(places[0].slots), m.b.size)
			}
			if most := int64(len(sizes) * pageSize); s.pages.bytes > most {
				t.Errorf("%d octets of pages are left, at most %d may be", s.pages.bytes, most)
			}
		})
	}
}

// TestEntrySize: what an OTP costs beside its keys and values is bounded: an entry of 400 octets takes less
// than 430 in pages.
func TestEntrySize(t *testing.T) {
	s := newState()
	b := s.bucket("otp")
	const n = 20_000
	for i := range n {
		s.revision++
		s.set(b, &op{key: fmt.Appendf(nil, "%017d", i), value: make([]byte, 400-17), ttl: 1e12}, false)
	}
	if each := float64(s.pages.bytes) / n; each > 430 {
		t.Errorf("%.1f octets an entry", each)
	}
	if got := s.stats("otp"); got.Keys != n || got.Bytes < 400*n || got.Bytes > 460*n {
		t.Errorf("%+v", got)
	}
}

// TestIndex: of tens of thousands of keys, which come and go, each is found and none else; no part is much
// larger than what it has, and no change looks at many of them.
func TestIndex(t *testing.T) {
	s := newState()
	b := s.bucket("b")
	key := func(i int) []byte { return fmt.Appendf(nil, "key %d", i) }
	there := make(map[int]bool)
	check := func(n int) {
		t.Helper()
		for i := range n {
			if got := s.find(b, key(i)).there; got != there[i] {
				t.Fatalf("%d: there is %v, want %v", i, got, there[i])
			}
		}
		slots := 0
		for _, p := range b.index.parts {
			slots += len(p.slots)
			if p.used+p.marks > len(p.slots)*3/4+1 {
				t.Fatalf("a part of %d slots has %d entries and %d marks", len(p.slots), p.used, p.marks)
			}
		}
		if b.index.keys != len(there) || slots > 16*len(there)+fewSlots*len(b.index.parts) {
			t.Errorf("%d keys in %d slots, want %d", b.index.keys, slots, len(there))
		}
	}
	const n = 50_000
	for i := range n {
		s.revision++
		s.set(b, &op{key: key(i), value: make([]byte, i%40)}, false)
		there[i] = true
	}
	check(n + 1000)
	for range 4 * n {
		i := rand.N(n)
		if s.revision++; rand.N(3) > 0 {
			s.remove(b, key(i), false)
			delete(there, i)
		} else {
			s.set(b, &op{key: key(i), value: make([]byte, rand.N(200))}, false)
			there[i] = true
		}
	}
	check(n + 1000)
	for i := range n - 10 {
		s.remove(b, key(i), false)
		delete(there, i)
	}
	check(n + 1000)
}
