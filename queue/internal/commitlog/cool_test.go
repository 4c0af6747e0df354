package commitlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/internal/spill"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// coolState is a state whose values leave the memory when coolDown is called.
func coolState(t *testing.T) *State {
	t.Helper()
	file, err := spill.Create(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	s := newState()
	s.cool = cooling{file: file, hot: 1, every: time.Nanosecond, buckets: map[string]bool{"b": true}}
	t.Cleanup(s.closeFile)
	return s
}

// setAt sets a key as a transaction of its own would.
func setAt(s *State, key, size int, ttl time.Duration) {
	s.revision++
	s.set(s.bucket("b"), &op{key: fmt.Appendf(nil, "%06d", key), value: bytes.Repeat([]byte{byte(key)}, size), ttl: ttl}, false)
}

// TestColdStateIsTheSame: two states have the same done to them, and the values of one leave the memory now
// and then: what is found, visited, saved and run out is the same, and in the end nothing is in the file.
func TestColdStateIsTheSame(t *testing.T) {
	warm, cold := newState(), coolState(t)
	both := func(f func(*State)) { f(warm); f(cold) }
	both(func(s *State) { s.clock = 1_000_000_000 })
	for step := range 8000 {
		key, size, ttl := rand.N(3000), rand.N(400), time.Second+rand.N(100*time.Second)
		switch rand.N(8) {
		case 0:
			both(func(s *State) { s.revision++; s.remove(s.bucket("b"), fmt.Appendf(nil, "%06d", key), false) })
		default:
			both(func(s *State) { setAt(s, key, size, ttl) })
		}
		if step%500 == 0 {
			both(func(s *State) { s.advance(s.clock+1, 0) })
			if err := cold.coolDown(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if step%2000 == 1999 {
			sameStates(t, warm, cold)
			both(func(s *State) { s.advance(s.clock+5000, 0) })
		}
	}
	if cold.coldBytes() == 0 {
		t.Fatal("nothing left the memory")
	}
	both(func(s *State) { s.advance(s.clock+200_000, 0) })
	sameStates(t, warm, cold)
	if n := cold.stats("b").Keys; n != 0 {
		t.Errorf("%d keys are left", n)
	}
	if err := cold.torn.Load(); err != nil {
		t.Error(*err)
	}
}

func sameStates(t *testing.T, warm, cold *State) {
	t.Helper()
	want := sumOf(t, warm)
	if sumOf(t, cold) != want {
		t.Fatal("the states differ")
	}
	all := func(s *State) map[string]string {
		seen := make(map[string]string)
		s.each("b", 0, func(key string, value []byte) bool {
			if _, twice := seen[key]; twice {
				t.Fatalf("%s is visited twice", key)
			}
			seen[key] = string(value)
			return true
		})
		return seen
	}
	if !maps.Equal(all(warm), all(cold)) {
		t.Fatal("they are visited differently")
	}
	for key, value := range all(warm) {
		if e, ok := cold.get("b", key, 0); !ok || string(e.Value) != value {
			t.Fatalf("%s: %x, %v, want %x", key, e.Value, ok, value)
		}
	}
	v, err := cold.save()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err = v.write(&out); err != nil {
		t.Fatal(err)
	}
	cold.saved(v)
	for _, loaded := range []*State{newState(), coolState(t)} {
		if err := loaded.load(bytes.NewReader(out.Bytes())); err != nil {
			t.Fatal(err)
		}
		if sumOf(t, loaded) != want {
			t.Fatalf("the snapshot is of another state; loaded with a file: %v", loaded.cool.file != nil)
		}
	}
}

// TestColdMemory: of a value that has left, some dozens of octets stay in memory, and none when it is gone.
func TestColdMemory(t *testing.T) {
	s := coolState(t)
	s.clock = 1_000_000_000
	const n = 20_000
	for i := range n {
		setAt(s, i, 250, time.Hour)
	}
	before := s.bytes()
	if err := s.coolDown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if left := s.bytes(); left > before/4 || left/n > 64 {
		t.Errorf("%d octets of %d are left for %d entries: %d each", left, before, n, left/n)
	}
	for i := range n {
		if e, ok := s.get("b", fmt.Sprintf("%06d", i), 0); !ok || len(e.Value) != 250 || e.Value[7] != byte(i) {
			t.Fatalf("%d: %x, %v", i, e.Value, ok)
		}
	}
	s.advance(s.clock+4_000_000, 0)
	if left := s.bytes(); left > 8*pageSize {
		t.Errorf("%d octets are left for nothing", left)
	}
}

// TestYoungValuesStay: what was changed in the last minute is asked for most.
func TestYoungValuesStay(t *testing.T) {
	s := coolState(t)
	s.cool.rest = coolRest
	s.advance(1_000_000_000, 0)
	setAt(s, 1, 100, time.Hour)
	s.advance(s.clock+50_000, 0)
	setAt(s, 2, 100, time.Hour)
	isCold := func(key int) bool { return s.find(s.bucket("b"), fmt.Appendf(nil, "%06d", key)).entry.cold }
	for _, step := range []struct {
		ahead         int64
		first, second bool
	}{{0, false, false}, {20_000, true, false}, {50_000, true, true}} {
		s.advance(s.clock+step.ahead, 0)
		s.cool.again = time.Time{}
		if err := s.coolDown(context.Background()); err != nil {
			t.Fatal(err)
		}
		if isCold(1) != step.first || isCold(2) != step.second {
			t.Errorf("%d ms later: %v and %v have left, want %v and %v", step.ahead, isCold(1), isCold(2), step.first, step.second)
		}
	}
}

// TestSnapshotOfColdWhileChanging: values that have left are changed, run out and come back while a snapshot
// reads them.
func TestSnapshotOfColdWhileChanging(t *testing.T) {
	s := coolState(t)
	s.clock = 1_000_000_000
	const n = 5000
	for i := range n {
		setAt(s, i, 300, time.Hour)
	}
	sum := sumOf(t, s)
	if err := s.coolDown(context.Background()); err != nil {
		t.Fatal(err)
	}
	v, err := s.save()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	changed := 0
	err = v.write(writerFunc(func(p []byte) (int, error) {
		if moved, err := s.coolSome(); moved > 0 || err != nil {
			t.Errorf("%d values left while a snapshot is written, %v", moved, err)
		}
		s.mu.Lock()
		for range 200 {
			changed++
			if i := changed * 7 % n; changed%3 == 0 {
				s.remove(s.bucket("b"), fmt.Appendf(nil, "%06d", i), false)
			} else {
				setAt(s, i, 100+changed%600, time.Hour)
			}
		}
		s.mu.Unlock()
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
	if sumOf(t, loaded) != sum || changed < 400 {
		t.Errorf("it is another state, after %d changes", changed)
	}
}

// TestUnreadableValueEndsTheLog: nobody hears that it is not there.
func TestUnreadableValueEndsTheLog(t *testing.T) {
	dir := t.TempDir()
	l := open(t, newMemory(), func(o *Options) { o.Dir, o.Seldom, o.AtOnce = dir, []string{"a"}, true })
	for i := range 100 {
		commit(t, l, Op{Bucket: "a", Key: fmt.Sprint("k", i), Value: bytes.Repeat([]byte("v"), 100), TTL: time.Hour})
	}
	await.That(t, "something leaves the memory", func() bool { return l.ColdBytes() > 0 })
	want(t, l, "a", "k1", string(bytes.Repeat([]byte("v"), 100)))
	l.state.cool.file.Close() // as bad as a disk that is gone
	for i := range 100 {
		_, _ = l.Get("a", fmt.Sprint("k", i))
	}
	select {
	case <-l.Broken():
	default:
		t.Fatal("the log goes on")
	}
	if err := l.Err(); !errors.Is(err, ErrUnreadable) || !errors.Is(l.Unreadable(), ErrUnreadable) {
		t.Errorf("it ended with %v", err)
	}
}

// TestColdValuesAfterAJump: a process whose place in the stream has gone while values of it are in its file takes the
// snapshot of another, whose values are in that one's file. Who reads meanwhile finds what both states have, and
// afterwards all is as it is in the other.
func TestColdValuesAfterAJump(t *testing.T) {
	m := newMemory()
	stream := &halting{memory: m}
	cold := func(o *Options) { o.Dir, o.Seldom, o.AtOnce = t.TempDir(), []string{"a"}, true }
	slow, writer := open(t, m, cold, func(o *Options) { o.Stream = stream }), open(t, m, cold)
	const values = 400
	value := func(i, version int) []byte {
		return bytes.Repeat(fmt.Appendf(nil, "%d of version %d ", i, version), 20)
	}
	for i := range values {
		commit(t, writer, Op{Bucket: "a", Key: fmt.Sprint("k", i), Value: value(i, 1), TTL: time.Hour})
	}
	await.That(t, "values leave the memory", func() bool { return slow.ColdBytes() > 0 && writer.ColdBytes() > 0 })
	await.That(t, "the slow one has them all", func() bool { return slow.Position() >= writer.Position() })

	goOn := stream.halt(t, writer)
	for i := range values {
		switch i % 4 {
		case 0:
			commit(t, writer, Op{Bucket: "a", Key: fmt.Sprint("k", i), Action: Delete})
		case 1:
			commit(t, writer, Op{Bucket: "a", Key: fmt.Sprint("k", i), Value: value(i, 2), TTL: time.Hour})
		}
	}
	if err := writer.Snapshot(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	reading, stop := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for i := 2; reading.Err() == nil; i = (i + 4) % values { // which nobody changes
				if e, ok := slow.Get("a", fmt.Sprint("k", i)); !ok || !bytes.Equal(e.Value, value(i, 1)) {
					t.Errorf("k%d: %q, %v", i, e.Value, ok)
				}
			}
		})
	}
	goOn()
	at := writer.Position()
	await.That(t, "the slow one has caught up", func() bool { return slow.Position() >= at })
	await.That(t, "values leave the memory", func() bool { return slow.ColdBytes() > 0 })
	stop()
	readers.Wait()
	for i := range values {
		version := 1
		if i%4 == 1 {
			version = 2
		}
		e, ok := slow.Get("a", fmt.Sprint("k", i))
		if there := i%4 > 0; ok != there || there && !bytes.Equal(e.Value, value(i, version)) {
			t.Errorf("k%d: %q, %v", i, e.Value, ok)
		}
	}
	if err := slow.Unreadable(); err != nil {
		t.Error(err)
	}
	equalMemories(t, []*Log{slow, writer})
}

// TestFileThatIsFull: it takes no more than it may, what does not fit stays in memory, and when values have run
// out others leave.
func TestFileThatIsFull(t *testing.T) {
	const most, values = 512 << 10, 1200
	dir := t.TempDir()
	l := open(t, newMemory(), func(o *Options) { o.Dir, o.Seldom, o.AtOnce, o.Cold = dir, []string{"a"}, true, most })
	random := rand.NewChaCha8([32]byte{1})
	put := func(prefix string) {
		var ops Tx
		for i := range values {
			value := make([]byte, 1000) // that do not get shorter
			_, _ = random.Read(value)
			ops = append(ops, Op{Bucket: "a", Key: fmt.Sprint(prefix, i), Value: value, TTL: time.Hour})
		}
		commit(t, l, ops...)
	}
	full := func() {
		t.Helper()
		await.That(t, "the file is full", func() bool { return l.state.file().Full() })
	}
	put("first")
	full()
	if state := l.Bytes(); state < values*1000/2 {
		t.Errorf("the state takes %d octets", state)
	}
	var gone Tx
	for i := range values {
		if e, ok := l.Get("a", fmt.Sprint("first", i)); !ok || len(e.Value) != 1000 {
			t.Fatalf("first%d: %d octets, %v, %v", i, len(e.Value), ok, l.Unreadable())
		}
		gone = append(gone, Op{Bucket: "a", Key: fmt.Sprint("first", i), Action: Delete})
	}
	if taken := l.ColdBytes(); taken > most+most/8 { // a block is begun below
		t.Errorf("the file takes %d octets of %d", taken, most)
	}
	commit(t, l, gone...)
	if taken := l.ColdBytes(); taken > most/2 {
		t.Errorf("%d octets are taken by nothing", taken)
	}
	put("second")
	full()
}

// TestNoRoomForAFile: where none can be made everything stays in memory.
func TestNoRoomForAFile(t *testing.T) {
	l := open(t, newMemory(), func(o *Options) {
		o.Dir, o.Seldom, o.AtOnce = filepath.Join(os.TempDir(), "there", "is none"), []string{"a"}, true
	})
	commit(t, l, Op{Bucket: "a", Key: "k", Value: bytes.Repeat([]byte("v"), 100), TTL: time.Hour})
	want(t, l, "a", "k", string(bytes.Repeat([]byte("v"), 100)))
}
