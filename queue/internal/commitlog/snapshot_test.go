package commitlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/rs/zerolog"
)

// TestOldSnapshotIsRead: a snapshot of the first form, with names of buckets between the entries and nothing
// compressed.
func TestOldSnapshotIsRead(t *testing.T) {
	b := []byte(oldMagic)
	for _, v := range []uint64{7, 1_000_000, 1_000_000, 9, 0} { // position, clock, stamp, revision, writers
		b = binary.AppendUvarint(b, v)
	}
	entry := func(key, value string, revision, expires uint64) {
		b = appendString(appendString(append(b, recordEntry), key), value)
		b = binary.AppendUvarint(binary.AppendUvarint(b, revision), expires)
	}
	b = appendString(append(b, recordBucket), "a")
	entry("k", "v", 3, 0)
	b = appendString(append(b, recordBucket), "b")
	entry("k", "w", 9, 2_000_000)
	b = binary.AppendUvarint(append(b, recordEnd), 2)
	b = binary.BigEndian.AppendUint64(b, xxhash.Sum64(b))
	s := newState()
	if err := s.load(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	for bucket, want := range map[string]Entry{"a": {Value: []byte("v"), Revision: 3}, "b": {Value: []byte("w"), Revision: 9, Expires: time.UnixMilli(2_000_000)}} {
		if e, ok := s.get(bucket, "k", 0); !ok || fmt.Sprint(e) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", bucket, e, want)
		}
	}
	for i := range b {
		damaged := bytes.Clone(b)
		damaged[i] ^= 0x20
		if newState().load(bytes.NewReader(damaged)) == nil || newState().load(bytes.NewReader(b[:i])) == nil {
			t.Fatalf("octet %d of %d: damaged or cut off there, it is read as if nothing were wrong", i, len(b))
		}
	}
}

// changing is a state that is looked at while it changes.
type changing struct {
	*State
	b       *bucket
	changed int
}

const changingKeys = 5000

func newChanging() *changing {
	c := &changing{State: newState()}
	c.b = c.bucket("b")
	for i := range changingKeys {
		c.put(i, 300)
	}
	return c
}

func (c *changing) put(i, size int) {
	c.revision++
	c.set(c.b, &op{key: fmt.Appendf(nil, "%06d", i), value: bytes.Repeat([]byte{byte(i)}, size), ttl: time.Hour}, false)
}

// step sets, moves and takes away, as apply does it between two pieces.
func (c *changing) step() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range 50 {
		i := c.changed * 7 % changingKeys
		c.changed++
		switch c.changed % 3 {
		case 0:
			c.remove(c.b, fmt.Appendf(nil, "%06d", i), false)
		default:
			c.put(i, 100+c.changed%600)
		}
	}
	c.put(changingKeys+c.changed, 20)
}

// TestSnapshotWhileChanging: a snapshot is the state of its position, whatever is set, moved and taken away
// while it is written; and what it does under the lock is bounded by a page, so that nobody waits for it.
func TestSnapshotWhileChanging(t *testing.T) {
	s := newChanging()
	sum := sumOf(t, s.State)
	v, err := s.save()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = v.write(writerFunc(func(p []byte) (int, error) {
		s.step()
		return out.Write(p)
	}))
	if err != nil {
		t.Fatal(err)
	}
	s.saved(v)
	loaded := newState()
	if err := loaded.load(&out); err != nil {
		t.Fatal(err)
	}
	if got := sumOf(t, loaded); got != sum || s.changed < 100 {
		t.Errorf("it is another state, after %d changes", s.changed)
	}
}

// TestViewsWhileChanging: several views of several positions at once, each of which has what was there then,
// every entry once.
func TestViewsWhileChanging(t *testing.T) {
	s := newChanging()
	var want []uint64
	var views []*View
	for range 3 {
		want = append(want, sumOf(t, s.State))
		views = append(views, s.view())
		s.step()
	}
	for i, v := range views {
		h := stepping{hasher{buckets: v.buckets, sum: v.own}, s}
		if err := v.visit(&h); err != nil || h.sum != want[i] {
			t.Errorf("view %d is of another state, after %d changes; %v", i, s.changed, err)
		}
		v.End()
	}
	if len(s.views) != 0 || s.changed < 1000 {
		t.Errorf("%d views are left, after %d changes", len(s.views), s.changed)
	}
}

// stepping changes the state while it is summed up.
type stepping struct {
	hasher
	s *changing
}

func (h *stepping) pause() error {
	h.s.step()
	return nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestNewerSnapshotIsRefused: a process does not start from a snapshot that a newer program wrote, says why, and
// leaves it as it is.
func TestNewerSnapshotIsRefused(t *testing.T) {
	m := newMemory()
	m.snapshot = append([]byte("otpgw log 3\n"), make([]byte, 100)...)
	before := bytes.Clone(m.snapshot)
	l, err := Open(within(t, 10*time.Second), Options{Stream: m, Snapshots: m, Log: zerolog.Nop()})
	if err == nil {
		l.Close(t.Context())
	}
	if !errors.Is(err, errForeign) || !strings.Contains(fmt.Sprint(err), "of a newer program") || !bytes.Equal(m.snapshot, before) {
		t.Errorf("%v", err)
	}
}

// TestPackedBatches: batches are compressed where every reader reads that, and only there.
func TestPackedBatches(t *testing.T) {
	for name, packed := range map[string]bool{"all read it": true, "one does not": false} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			l := open(t, m, func(o *Options) { o.Packed = func() bool { return packed } })
			value := bytes.Repeat([]byte("value "), 500)
			commit(t, l, Op{Bucket: "a", Key: "long", Value: value})
			commit(t, l, Op{Bucket: "a", Key: "short", Value: []byte("v")})
			want(t, l, "a", "long", string(value))
			formats := make(map[byte]int)
			for _, one := range m.messages {
				formats[one.Data[0]]++
				if one.Data[0] == formatPacked && len(one.Data) > len(value)/4 {
					t.Errorf("a batch has %d octets", len(one.Data))
				}
			}
			if (formats[formatPacked] == 1) != packed || formats[formatPlain] < 1 {
				t.Errorf("formats: %v", formats)
			}
			l.Close(t.Context())
			want(t, open(t, m), "a", "long", string(value))
		})
	}
}

// TestSnapshotOfReplacedState: a process that takes another's snapshot while it writes its own gives its own
// up: half of it would be of another state.
func TestSnapshotOfReplacedState(t *testing.T) {
	s := newState()
	b := s.bucket("b")
	for i := range 5000 {
		s.revision++
		s.set(b, &op{key: fmt.Appendf(nil, "%06d", i), value: make([]byte, 300)}, false)
	}
	v, err := s.save()
	if err != nil {
		t.Fatal(err)
	}
	replaced := false
	err = v.write(writerFunc(func(p []byte) (int, error) {
		if !replaced {
			replaced = true
			s.replace(newState())
		}
		return len(p), nil
	}))
	if !errors.Is(err, errVoid) {
		t.Errorf("%v", err)
	}
}
