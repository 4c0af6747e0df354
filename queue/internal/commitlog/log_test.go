package commitlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, m *memory, change ...func(*Options)) *Log {
	t.Helper()
	o := Options{Stream: m, Snapshots: m, Log: zerolog.Nop()}
	for _, f := range change {
		f(&o)
	}
	l, err := Open(within(t, 10*time.Second), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(context.Background()) })
	return l
}

func sole(o *Options) { o.Sole = true }

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func commit(t testing.TB, l *Log, ops ...Op) uint64 {
	t.Helper()
	revision, err := l.Commit(within(t, 10*time.Second), ops)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func want(t testing.TB, l *Log, bucket, key, value string) {
	t.Helper()
	e, ok := l.Get(bucket, key)
	if string(e.Value) != value || ok != (value != "") {
		t.Errorf("%s/%s is %q, want %q", bucket, key, e.Value, value)
	}
}

// onBothKinds runs a test on a log of one process and on one that others may share.
func onBothKinds(t *testing.T, test func(t *testing.T, kind func(*Options))) {
	t.Run("sole", func(t *testing.T) { test(t, sole) })
	t.Run("shared", func(t *testing.T) { test(t, func(*Options) {}) })
}

func TestTransactions(t *testing.T) {
	onBothKinds(t, func(t *testing.T, kind func(*Options)) {
		l := open(t, newMemory(), kind)
		ctx := within(t, 10*time.Second)
		first := commit(t, l, Op{Bucket: "a", Key: "k", Value: []byte("1"), If: IfAbsent}, Op{Bucket: "b", Key: "k", Value: []byte("2")})
		want(t, l, "a", "k", "1")
		want(t, l, "b", "k", "2")
		for name, tx := range map[string]Tx{
			"absent":         {{Bucket: "a", Key: "k", If: IfAbsent}},
			"wrong revision": {{Bucket: "a", Key: "k", If: IfRevision, Revision: first + 1}},
			"of nothing":     {{Bucket: "a", Key: "none", If: IfRevision, Revision: first}},
			"one of two":     {{Bucket: "b", Key: "new", Value: []byte("3")}, {Bucket: "a", Key: "k", Action: Check, If: IfAbsent}},
			"no bucket":      {{Bucket: "c", Key: "k", If: IfRevision}},
		} {
			if _, err := l.Commit(ctx, tx); !errors.Is(err, ErrConflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
		want(t, l, "b", "new", "")
		second := commit(t, l, Op{Bucket: "a", Key: "k", Value: []byte("4"), If: IfRevision, Revision: first}, Op{Bucket: "b", Key: "k", Action: Delete})
		if second <= first {
			t.Errorf("revision %d after %d", second, first)
		}
		want(t, l, "a", "k", "4")
		want(t, l, "b", "k", "")
	})
}

// A value is the log's own: what the caller changes afterwards, or changes in what it got, is nobody else's.
// TestValuesAreCopies: what a caller does to a value that it gave, or was given, is nobody else's: neither what
// is in memory here nor what another process has differs by it, whether values have left the memory or not.
func TestValuesAreCopies(t *testing.T) {
	for name, cold := range map[string]bool{"in memory": false, "in the file": true} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			l := open(t, m, func(o *Options) { o.Dir, o.Seldom, o.AtOnce = t.TempDir(), []string{"a"}, cold })
			other := open(t, m)
			text := strings.Repeat("value ", 20)
			spoil := func(value []byte) {
				for i := range value {
					value[i] = 'X'
				}
				_ = append(value, "and what would stand behind it"...)
			}
			for i := range 100 {
				value := []byte(text)
				commit(t, l, Op{Bucket: "a", Key: strconv.Itoa(i), Value: value, TTL: time.Hour})
				spoil(value)
			}
			if cold {
				await.That(t, "the values leave the memory", func() bool { return l.ColdBytes() > 0 })
			}
			for i := range 100 {
				e, _ := l.Get("a", strconv.Itoa(i))
				spoil(e.Value)
			}
			l.Each("a", func(_ string, value []byte) bool { spoil(value); return true })
			for i := range 100 {
				want(t, l, "a", strconv.Itoa(i), text)
			}
			equalMemories(t, []*Log{l, other})
		})
	}
}

func TestExpiry(t *testing.T) {
	onBothKinds(t, func(t *testing.T, kind func(*Options)) {
		m := newMemory()
		var mu sync.Mutex
		gone := make(map[string]bool)
		l := open(t, m, kind, func(o *Options) {
			o.Watchers = map[string]Watcher{"a": func(c Change) {
				mu.Lock()
				defer mu.Unlock()
				gone[c.Key] = c.Gone
			}}
		})
		short := Op{Bucket: "a", Key: "short", Value: []byte("1"), TTL: 50 * time.Millisecond}
		commit(t, l, short, Op{Bucket: "a", Key: "longer", Value: []byte("1"), TTL: 50 * time.Millisecond}, Op{Bucket: "a", Key: "ever", Value: []byte("1")})
		commit(t, l, Op{Bucket: "a", Key: "longer", Value: []byte("2"), TTL: time.Hour})
		await.That(t, "the short one is gone", func() bool {
			m.setClock(20 * time.Millisecond)
			commit(t, l)
			mu.Lock()
			defer mu.Unlock()
			return gone["short"]
		})
		want(t, l, "a", "short", "")
		want(t, l, "a", "longer", "2")
		want(t, l, "a", "ever", "1")
		if gone["longer"] || gone["ever"] || !gone["short"] {
			t.Errorf("gone: %v", gone)
		}
		short.If = IfAbsent
		commit(t, l, short)
	})
}

// The log's clock goes on when the server's is set back, and never goes back itself.
func TestServersClockIsSetBack(t *testing.T) {
	m := newMemory()
	l := open(t, m)
	commit(t, l, Op{Bucket: "a", Key: "k", Value: []byte("1"), TTL: time.Minute})
	before := l.Now()
	m.setClock(-24 * time.Hour)
	commit(t, l)
	want(t, l, "a", "k", "1")
	if l.Now().Before(before) {
		t.Errorf("the clock went from %s to %s", before, l.Now())
	}
	m.setClock(2 * time.Minute)
	commit(t, l)
	want(t, l, "a", "k", "")
}

func TestRestart(t *testing.T) {
	onBothKinds(t, func(t *testing.T, kind func(*Options)) {
		m := newMemory()
		l := open(t, m, kind)
		for i := range 300 {
			commit(t, l, Op{Bucket: "a", Key: strconv.Itoa(i), Value: fmt.Append(nil, i), TTL: time.Hour})
			if i == 150 {
				if err := l.Snapshot(within(t, 10*time.Second)); err != nil {
					t.Fatal(err)
				}
			}
		}
		commit(t, l, Op{Bucket: "a", Key: "7", Action: Delete})
		hashAt(t, l)
		l.Close(context.Background())
		if _, err := l.Commit(context.Background(), nil); !errors.Is(err, ErrRefused) {
			t.Errorf("commit after close: %v", err)
		}
		again := open(t, m, kind)
		if m.first < 100 {
			t.Errorf("the log still begins at %d", m.first)
		}
		for i := range 300 {
			value := strconv.Itoa(i)
			if i == 7 {
				value = ""
			}
			want(t, again, "a", strconv.Itoa(i), value)
		}
		if again.state.revision < 301 {
			t.Errorf("revision %d", again.state.revision)
		}
	})
}

// hashAt is a log's hash when nothing moves.
func hashAt(t testing.TB, l *Log) (position, sum uint64) {
	t.Helper()
	if err := l.Barrier(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	return hashNow(t, l)
}

func hashNow(t testing.TB, l *Log) (position, sum uint64) {
	t.Helper()
	position, sum, err := l.Hash()
	if err != nil {
		t.Fatal(err)
	}
	return position, sum
}

// sumOf is a state's hash.
func sumOf(t testing.TB, s *State) uint64 {
	t.Helper()
	sum, err := s.view().Hash()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// A process that lagged behind the beginning of the log goes on from the snapshot, and tells its watchers.
func TestLaggingReaderTakesTheSnapshot(t *testing.T) {
	m := newMemory()
	heard := make(map[string]string)
	var mu sync.Mutex
	slow := open(t, m, func(o *Options) {
		o.Watchers = map[string]Watcher{"a": func(c Change) {
			mu.Lock()
			defer mu.Unlock()
			heard[c.Key] = string(c.Value)
			if c.Gone {
				delete(heard, c.Key)
			}
		}}
	})
	writer := open(t, m)
	commit(t, writer, Op{Bucket: "a", Key: "old", Value: []byte("1")})
	if err := slow.Barrier(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	slow.state.mu.Lock() // it stands still
	for i := range 50 {
		commit(t, writer, Op{Bucket: "a", Key: strconv.Itoa(i), Value: []byte("v")})
	}
	commit(t, writer, Op{Bucket: "a", Key: "old", Action: Delete})
	if err := writer.Snapshot(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	slow.state.mu.Unlock()
	at, _ := hashAt(t, writer)
	await.That(t, "the slow one has caught up", func() bool { return slow.Position() >= at })
	want(t, slow, "a", "49", "v")
	want(t, slow, "a", "old", "")
	mu.Lock()
	defer mu.Unlock()
	if len(heard) != 50 || heard["49"] != "v" {
		t.Errorf("the watcher knows %d keys", len(heard))
	}
}

// halting is a stream whose reader can be made to stand still.
type halting struct {
	*memory
	halted sync.RWMutex // held while nothing is read
}

func (h *halting) Read(ctx context.Context, after uint64, f func(Message) error) error {
	h.halted.RLock()
	defer func() { h.halted.RUnlock() }()
	return h.memory.Read(ctx, after, func(m Message) error {
		h.halted.RUnlock()
		h.halted.RLock()
		if first, _, _ := h.Bounds(ctx); m.Position < first {
			return errNoAnswer // it was removed meanwhile
		}
		return f(m)
	})
}

// halt has the reader stand still at the next message, of which a writer makes some, until it is told to go on.
func (h *halting) halt(t *testing.T, writer *Log) (goOn func()) {
	t.Helper()
	stopped := make(chan struct{})
	go func() { h.halted.Lock(); close(stopped) }()
	for {
		commit(t, writer, Op{Bucket: "halted", Key: "k", Value: []byte("1")})
		select {
		case <-stopped:
			return h.halted.Unlock
		case <-time.After(time.Millisecond):
		}
	}
}

// TestUnderWayWhileLagging: what a process has under way while its place is removed. A barrier has been
// passed when the snapshot has it; of a transaction nobody can say the outcome, and it is done once.
func TestUnderWayWhileLagging(t *testing.T) {
	m := newMemory()
	stream := &halting{memory: m}
	slow, writer := open(t, m, func(o *Options) { o.Stream = stream }), open(t, m)
	goOn := stream.halt(t, writer)
	barrier, change := newWaiter(nil, false), newWaiter(Tx{{Bucket: "a", Key: "mine", If: IfAbsent, Value: []byte("1")}}, false)
	slow.mu.Lock() // so that both are in one batch
	slow.pending = append(slow.pending, barrier, change)
	slow.mu.Unlock()
	slow.signal()
	for {
		_, last, _ := m.Bounds(t.Context())
		m.mu.Lock()
		b, err := decodeBatch(m.messages[last-m.first].Data, nil)
		m.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if b.writer == slow.writer && b.txs == 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	commit(t, writer, Op{Bucket: "a", Key: "behind", Value: []byte("1")})
	if err := writer.Snapshot(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	goOn()
	ctx := within(t, 10*time.Second)
	if _, err := slow.wait(ctx, barrier); err != nil {
		t.Errorf("the barrier: %v", err)
	}
	if _, err := slow.wait(ctx, change); !errors.Is(err, ErrUnknown) || ctx.Err() != nil {
		t.Errorf("the transaction: %v", err)
	}
	want(t, slow, "a", "mine", "1")
}

// A hole in the log, with the last snapshot before it, loses what was in the hole and nothing else.
func TestHoleInTheLog(t *testing.T) {
	m := newMemory()
	l := open(t, m)
	commit(t, l, Op{Bucket: "a", Key: "first", Value: []byte("1")})
	if err := l.Snapshot(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	commit(t, l, Op{Bucket: "a", Key: "kept", Value: []byte("1")})
	commit(t, l, Op{Bucket: "a", Key: "lost", Value: []byte("1")})
	commit(t, l, Op{Bucket: "a", Key: "last", Value: []byte("1")})
	l.Close(context.Background())
	m.lose(l.Position() - 1)

	again := open(t, m)
	for key, value := range map[string]string{"first": "1", "kept": "1", "lost": "", "last": "1"} {
		want(t, again, "a", key, value)
	}
	commit(t, again, Op{Bucket: "a", Key: "new", Value: []byte("1")})
	want(t, again, "a", "new", "1")
}

func TestDamagedSnapshotIsRefused(t *testing.T) {
	m := newMemory()
	l := open(t, m, sole)
	commit(t, l, Op{Bucket: "a", Key: "k", Value: []byte("value")})
	if err := l.Snapshot(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	l.Close(context.Background())
	for i := range m.snapshot {
		damaged := bytes.Clone(m.snapshot)
		damaged[i] ^= 0x20
		if err := newState().load(bytes.NewReader(damaged)); err == nil {
			t.Fatalf("octet %d of %d: read as if nothing were wrong", i, len(damaged))
		}
		if err := newState().load(bytes.NewReader(m.snapshot[:i])); err == nil {
			t.Fatalf("cut off at %d: read as if nothing were wrong", i)
		}
	}
}

// A batch of a newer program stops this one: it could not apply it as the others do.
func TestNewerFormatStops(t *testing.T) {
	m := newMemory()
	l := open(t, m)
	m.store("newer", []byte{Format + 1, 1, 2, 3})
	select {
	case <-l.Broken():
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on")
	}
	if _, err := l.Commit(context.Background(), nil); !errors.Is(err, ErrFormat) {
		t.Errorf("commit: %v", err)
	}
	if !errors.Is(l.Err(), ErrFormat) {
		t.Errorf("%v", l.Err())
	}
}

// Who gives up before its batch was begun has changed nothing; who gives up later does not know. The value is
// the caller's again either way.
func TestGivingUp(t *testing.T) {
	m := newMemory()
	l := open(t, m)
	block := make(chan struct{})
	m.mu.Lock()
	m.faults = func() fault {
		select {
		case <-block:
			return stored
		default:
			return lostBefore
		}
	}
	m.mu.Unlock()
	under, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	begun, waits := []byte("1"), []byte("1")
	go func() {
		_, err := l.Commit(under, Tx{{Bucket: "a", Key: "begun", Value: begun}})
		result <- err
	}()
	await.That(t, "a commit is begun", func() bool { return l.Unanswered() > 0 })
	_, err := l.Commit(within(t, 20*time.Millisecond), Tx{{Bucket: "a", Key: "waits", Value: waits}})
	if !errors.Is(err, ErrRefused) {
		t.Errorf("not begun: %v", err)
	}
	cancel()
	if err := <-result; !errors.Is(err, ErrUnknown) {
		t.Errorf("begun: %v", err)
	}
	begun[0], waits[0] = 'X', 'X'
	close(block)
	if err := l.Barrier(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	want(t, l, "a", "begun", "1")
	want(t, l, "a", "waits", "")
}

func TestFullLogRefuses(t *testing.T) {
	onBothKinds(t, func(t *testing.T, kind func(*Options)) {
		m := newMemory()
		l := open(t, m, kind)
		m.mu.Lock()
		m.faults = func() fault { return refusedFull }
		m.mu.Unlock()
		if _, err := l.Commit(within(t, 10*time.Second), Tx{{Bucket: "a", Key: "k"}}); !errors.Is(err, ErrFull) {
			t.Errorf("%v", err)
		}
		m.mu.Lock()
		m.faults = nil
		m.mu.Unlock()
		commit(t, l, Op{Bucket: "a", Key: "k", Value: []byte("1")})
		want(t, l, "a", "k", "1")
	})
}

func FuzzDecodeBatch(f *testing.F) {
	b := batch{writer: 1, counter: 2, clock: 3, txs: 2, data: appendTx(appendTx(nil, Tx{{Bucket: "a", Key: "k", Value: []byte("v"), TTL: time.Second}}),
		Tx{{Bucket: "a", Key: "k", Action: Delete, If: IfRevision, Revision: 1}})}
	f.Add(b.encode(nil, false))
	b.data, b.txs = bytes.Repeat(b.data, 40), 80
	f.Add(b.encode(nil, true))
	f.Add([]byte{1})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := decodeBatch(data, nil)
		if err != nil {
			return
		}
		first, second := newState(), newState()
		r1, err1 := first.apply(b, 1, 1, true)
		r2, err2 := second.apply(b, 1, 1, false)
		if fmt.Sprint(r1) != fmt.Sprint(r2) || (err1 == nil) != (err2 == nil) {
			t.Fatalf("%v %v, then %v %v", r1, err1, r2, err2)
		}
		if sumOf(t, first) != sumOf(t, second) {
			t.Fatal("two states of one log differ")
		}
	})
}

func FuzzLoadSnapshot(f *testing.F) {
	s := newState()
	b := batch{writer: 1, counter: 1, clock: 1, txs: 1, data: appendTx(nil, Tx{{Bucket: "a", Key: "k", Value: []byte("v"), TTL: time.Second}})}
	if _, err := s.apply(&b, 1, 1, true); err != nil {
		f.Fatal(err)
	}
	var out bytes.Buffer
	v, err := s.save()
	if err == nil {
		err = v.write(&out)
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) { _ = newState().load(bytes.NewReader(data)) })
}
