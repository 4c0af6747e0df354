package commitlog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// After a power loss the stream may end before the snapshot; what comes then is there after another start, too.
func TestStreamEndsBeforeTheSnapshot(t *testing.T) {
	m := newMemory()
	l := open(t, m, sole)
	for i := range 20 {
		commit(t, l, Op{Bucket: "a", Key: strconv.Itoa(i), Value: []byte("v")})
	}
	var b bytes.Buffer
	v, err := l.state.save()
	if err == nil {
		err = v.write(&b)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.Close(context.Background())
	m.snapshot = b.Bytes()
	m.cut(v.position - 5)
	l = open(t, m, sole)
	want(t, l, "a", "19", "v")
	commit(t, l, Op{Bucket: "a", Key: "after", Value: []byte("1")})
	want(t, l, "a", "after", "1")
	l.Close(context.Background())
	l = open(t, m, sole)
	want(t, l, "a", "19", "v")
	want(t, l, "a", "after", "1")
}

// TestStreamLosesItsEnd: under a process that has applied more it ends the process's log, whose state is no
// other's; nobody is told that something was stored. Started again, the process goes on with what is stored.
func TestStreamLosesItsEnd(t *testing.T) {
	m := newMemory()
	l := open(t, m)
	for i := range 20 {
		commit(t, l, Op{Bucket: "a", Key: strconv.Itoa(i), Value: []byte("v")})
	}
	m.cut(l.Position() - 5)
	if _, err := l.Commit(within(t, 10*time.Second), Tx{{Bucket: "a", Key: "new", Value: []byte("1")}}); !errors.Is(err, ErrUnknown) || !errors.Is(err, ErrSetBack) {
		t.Errorf("%v", err)
	}
	l = open(t, m)
	want(t, l, "a", "14", "v")
	want(t, l, "a", "19", "")
	commit(t, l, Op{Bucket: "a", Key: "again", Value: []byte("1")})
	want(t, l, "a", "again", "1")
}

// lossCut is how many messages are lost of the end of the stream in these tests.
const lossCut = 5

// whileSetBack is a log that has applied twenty messages when the end of its stream is lost, and others store
// something before it looks again. Its own next append comes long after that.
func whileSetBack(t *testing.T, others func(m *memory, lost []Message)) (*memory, *Log) {
	t.Helper()
	m := newMemory()
	l := open(t, m)
	for i := range 20 {
		commit(t, l, Op{Bucket: "a", Key: strconv.Itoa(i), Value: []byte("v")})
	}
	m.mu.Lock()
	keep := len(m.messages) - lossCut
	lost := append([]Message(nil), m.messages[keep:]...)
	m.messages = m.messages[:keep:keep]
	others(m, lost)
	m.mu.Unlock()
	return m, l
}

// write stores, of a writer of its own, so many batches. For callers that hold mu.
func (m *memory) write(n int) {
	b := batch{writer: rand.Uint64(), txs: 1, data: appendTx(nil, Tx{{Bucket: "a", Key: "other", Value: []byte("v")}})}
	for range n {
		b.counter++
		m.put(m.clock.Add(time.Millisecond), b.encode(nil, false))
	}
}

func (m *memory) put(stamp time.Time, data []byte) {
	m.clock = stamp
	m.messages = append(m.messages, Message{Position: m.first + uint64(len(m.messages)), Stamp: stamp, Data: data})
}

// TestOthersGoOnBehindALostEnd: a process that has applied what is lost finds it out when others have stored more
// than that before it appends anything: by its next reading, or by a look where the reading goes on. Where
// all is there it goes on.
func TestOthersGoOnBehindALostEnd(t *testing.T) {
	more := func(m *memory, _ []Message) { m.write(2 * lossCut) }
	reads := func(m *memory, _ *Log) { m.interrupt() }
	looks := func(_ *memory, l *Log) { _ = l.Compare(context.Background()) }
	for name, c := range map[string]struct {
		others func(m *memory, lost []Message)
		then   func(m *memory, l *Log)
		ends   bool
	}{
		"more, and it reads anew":       {more, reads, true},
		"as much, and it reads anew":    {func(m *memory, _ []Message) { m.write(lossCut) }, reads, true},
		"more, and its reading goes on": {more, looks, true},
		"what was lost, at another time": {func(m *memory, lost []Message) {
			for _, one := range lost {
				m.put(one.Stamp.Add(time.Minute), one.Data)
			}
		}, reads, true},
		"all is there": {func(m *memory, lost []Message) { m.messages = append(m.messages, lost...) }, func(m *memory, l *Log) {
			looks(m, l)
			reads(m, l)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m, l := whileSetBack(t, c.others)
			c.then(m, l)
			if !c.ends {
				commit(t, l, Op{Bucket: "a", Key: "after", Value: []byte("v")})
				return
			}
			select {
			case <-l.Broken():
			case <-time.After(10 * time.Second):
				t.Fatal("it goes on")
			}
			if !errors.Is(l.Err(), ErrSetBack) {
				t.Errorf("it ended with %v", l.Err())
			}
		})
	}
}

// TestSnapshotOfALostEnd: the newest snapshot has what the stream has lost, and others have gone on without it.
// That is told, and who begins with it goes on.
func TestSnapshotOfALostEnd(t *testing.T) {
	m, l := whileSetBack(t, func(*memory, []Message) {})
	v, err := l.state.save()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Put(t.Context(), v.position, v.write); err != nil {
		t.Fatal(err)
	}
	l.state.saved(v)
	m.mu.Lock()
	m.write(2 * lossCut)
	m.mu.Unlock()
	again := open(t, m)
	if lost, _ := again.Lost(); lost == 0 {
		t.Error("nobody hears of it")
	}
	want(t, again, "a", "19", "v")
	want(t, again, "a", "other", "v")
	commit(t, again, Op{Bucket: "a", Key: "after", Value: []byte("1")})
	again.Close(context.Background())
	m.interrupt()
	if lost, _ := open(t, m).Lost(); lost == 0 {
		t.Error("it is forgotten while it lasts")
	}
}

// losing are snapshots while one of which is written the stream loses its end.
type losing struct {
	*memory
	others int // batches that another writer has stored when that is done
}

func (l losing) Put(ctx context.Context, position uint64, write func(io.Writer) error) error {
	l.mu.Lock()
	l.cutNow(position - lossCut)
	l.write(l.others)
	l.mu.Unlock()
	return l.memory.Put(ctx, position, write)
}

// TestSnapshotOfWhatIsLostMeanwhile: a snapshot of an end that the stream has lost is not completed: every process that
// starts would begin with it.
func TestSnapshotOfWhatIsLostMeanwhile(t *testing.T) {
	for name, others := range map[string]int{"nothing is stored since": 0, "others have stored less": lossCut / 2, "others have stored more": 2 * lossCut} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			l := open(t, m, func(o *Options) { o.Snapshots = losing{m, others} })
			for i := range 20 {
				commit(t, l, Op{Bucket: "a", Key: strconv.Itoa(i), Value: []byte("v")})
			}
			if err := l.Snapshot(within(t, 10*time.Second)); err == nil || m.snapshot != nil {
				t.Errorf("there is a snapshot of %d octets: %v", len(m.snapshot), err)
			}
		})
	}
}
