package commitlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/rs/zerolog"
)

// The model: a group of a few keys, each with the number of the write that it has, 0 for none. A transaction
// asks for some of them and sets some of them, or nothing.
const (
	modelGroups = 6
	modelKeys   = 3
)

type groupState [modelKeys]int

// modelInput is what a client did: ifs and sets by key; a read when there are no sets.
type modelInput struct {
	group int
	ifs   map[int]int // key to the write it must have; 0: it must be absent
	sets  map[int]int // key to the write; 0 deletes
}

// modelOutput is what it heard. unknown: nothing.
type modelOutput struct {
	done, unknown bool
	read          groupState
}

var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := make([][]porcupine.Operation, modelGroups)
		for _, o := range history {
			g := o.Input.(modelInput).group
			parts[g] = append(parts[g], o)
		}
		return parts
	},
	Init: func() any { return groupState{} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(groupState), input.(modelInput), output.(modelOutput)
		if len(in.sets) == 0 {
			return out.unknown || out.read == s, s
		}
		holds := true
		for key, write := range in.ifs {
			holds = holds && s[key] == write
		}
		if !out.unknown && out.done != holds {
			return false, s
		}
		if holds {
			for key, write := range in.sets {
				s[key] = write
			}
		}
		return true, s
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

// modelRun is a run of several processes on one stream with faults.
type modelRun struct {
	t     *testing.T
	m     *memory
	begun time.Time

	hashing sync.WaitGroup

	mu      sync.Mutex // guards the rest
	history []porcupine.Operation
	next    int
	sums    map[tip]uint64 // of the states that were looked at
	looks   int

	power bool         // the stream loses its end now and then
	jumps atomic.Int64 // of a process whose place was gone, to the snapshot
	ended atomic.Int64 // processes, since the stream had lost what they had applied
}

// look sums up the state after a transaction, while the log goes on: it is that of every process which has
// come to the same position.
func (r *modelRun) look(v *View) {
	sum, err := v.Hash()
	if errors.Is(err, errVoid) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	other, known := r.sums[v.tip]
	if err != nil || known && other != sum {
		r.t.Errorf("position %d: the sum is %x, in another process %x; %v", v.Position(), sum, other, err)
	}
	r.sums[v.tip] = sum
	r.looks++
}

// lookEvery is how many transactions are between two looks.
const lookEvery = 8

func (r *modelRun) note(client int, in modelInput, call time.Duration, out modelOutput) {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := int64(time.Since(r.begun))
	if out.unknown {
		end = math.MaxInt64 // it may take effect at any time from now on
	}
	r.history = append(r.history, porcupine.Operation{ClientId: client, Input: in, Call: int64(call), Output: out, Return: end})
}

func (r *modelRun) write() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	return r.next
}

func writeIn(value []byte) int {
	n, _ := strconv.Atoi(string(value))
	return n
}

func groupKey(group, key int) string { return fmt.Sprint(group, ".", key) }

// step is one operation of a client: a transaction on what it believes to be there, or a read behind a
// barrier.
func (r *modelRun) step(l *Log, client int) {
	group := rand.N(modelGroups)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	call := time.Since(r.begun)
	if rand.N(3) == 0 {
		in := modelInput{group: group}
		if err := l.Barrier(ctx); err != nil {
			r.note(client, in, call, modelOutput{unknown: true})
			return
		}
		r.note(client, in, call, modelOutput{read: r.read(l, group)})
		return
	}
	in := modelInput{group: group, ifs: make(map[int]int), sets: make(map[int]int)}
	var tx Tx
	for key := range modelKeys {
		if rand.N(2) == 0 {
			continue
		}
		e, there := l.Get("m", groupKey(group, key))
		o := Op{Bucket: "m", Key: groupKey(group, key), If: IfAbsent}
		in.ifs[key] = 0
		if there {
			in.ifs[key] = writeIn(e.Value)
			o.If, o.Revision = IfRevision, e.Revision
		}
		if rand.N(6) == 0 { // nobody asks
			o.If = Always
			delete(in.ifs, key)
		}
		in.sets[key] = r.write()
		o.Value, o.TTL = fmt.Appendf(nil, "%040d", in.sets[key]), 100*time.Hour // long enough to leave the memory
		if rand.N(8) == 0 {
			o.Action, o.Value, in.sets[key] = Delete, nil, 0
		}
		tx = append(tx, o)
	}
	if len(tx) == 0 {
		return
	}
	tx = append(tx, Op{Bucket: "watched", Key: groupKey(group, 0), Value: []byte{byte(group)}})
	_, err := l.Commit(ctx, tx)
	out := modelOutput{done: err == nil, unknown: errors.Is(err, ErrUnknown)}
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrFull) {
		return // nothing happened, as if it had not been asked
	}
	r.note(client, in, call, out)
}

// read is a group as it is in memory, in one look.
func (r *modelRun) read(l *Log, group int) (s groupState) {
	l.state.mu.RLock()
	defer l.state.mu.RUnlock()
	b := l.state.buckets["m"]
	if b == nil {
		return s
	}
	for key := range modelKeys {
		if f := l.state.find(b, []byte(groupKey(group, key))); f.there {
			s[key] = writeIn(l.state.valueOf(&f.entry))
		}
	}
	return s
}

// process is one process: clients on a log that dies now and then, and is opened again.
func (r *modelRun) process(ctx context.Context, number, clients int) *Log {
	for {
		o := Options{Stream: r.m, Snapshots: r.m, Log: zerolog.New(io.Discard).Hook(r)}
		if number%2 == 1 { // its values leave the memory as soon as they can
			o.Dir, o.Seldom, o.AtOnce = r.t.TempDir(), []string{"m"}, true
		}
		patience := 10 * time.Second
		if r.power { // the end that it reads up to may be gone
			patience = modelTime / 2
		}
		opening, cancel := context.WithTimeout(context.Background(), patience)
		l, err := Open(opening, o)
		cancel()
		if err != nil && r.power {
			continue
		}
		if err != nil {
			r.t.Error(err)
			return nil
		}
		l.Watch("watched", func(Change) {}, func(c Change) {
			if c.Gone || c.Revision%lookEvery > 0 {
				return
			}
			v := l.View()
			r.hashing.Go(func() { r.look(v) })
		})
		life, end := context.WithTimeout(ctx, 20*time.Millisecond+rand.N(150*time.Millisecond))
		var wg sync.WaitGroup
		for c := range clients {
			wg.Go(func() {
				for life.Err() == nil {
					r.step(l, number*clients+c)
				}
			})
		}
		if rand.N(3) == 0 {
			wg.Go(func() { _ = l.Snapshot(life) })
		}
		select {
		case <-life.Done():
		case <-l.Broken():
			r.setBack(l.Err())
		}
		end()
		if ctx.Err() != nil && l.Err() == nil {
			wg.Wait()
			return l
		}
		l.fail(errKilled) // as a kill would: what is under way is unknown to its callers
		wg.Wait()
		l.Close(context.Background())
	}
}

// last is the log of a process at the end, when nothing is lost any more: another where this one finds out only
// now that it was set back.
func (r *modelRun) last(l *Log, number int) *Log {
	for r.power && errors.Is(l.Barrier(context.Background()), ErrSetBack) {
		l.Close(context.Background())
		over, end := context.WithCancel(context.Background())
		end()
		l = r.process(over, number, 0)
	}
	return l
}

// setBack judges why a log ended by itself.
func (r *modelRun) setBack(why error) {
	r.ended.Add(1)
	if !r.power || !errors.Is(why, ErrSetBack) {
		r.t.Errorf("a process ended: %v", why)
	}
}

// Run counts the jumps by what is logged.
func (r *modelRun) Run(_ *zerolog.Event, _ zerolog.Level, message string) {
	if strings.Contains(message, "far behind") {
		r.jumps.Add(1)
	}
}

var errKilled = fmt.Errorf("%w: killed", ErrClosed)

// TestModel: random transactions of several processes on a stream that loses, doubles, delays and refuses
// what is appended, whose clock jumps, and whose processes die and come back from snapshots, or lag until their
// place is gone and take another's; the values of every second one leave its memory as soon as they can: what
// everybody heard is as if all had been done one after the other, and the memories of all are equal at each
// position that several of them look at, and in the end.
// OTPGW_TEST_MODEL=1m runs for so long.
func TestModel(t *testing.T) {
	jumps := 0
	rounds(func(i int) { jumps += int(modelOnce(t, 2+i%4, false).jumps.Load()) })
	if jumps == 0 {
		t.Error("no process has lost its place: the test is too small")
	}
}

// TestModelOfLostEnds: the same, where the stream loses its end now and then while all live. What was promised may be
// gone then; those who had applied it end, and the memories of all who live are equal.
func TestModelOfLostEnds(t *testing.T) {
	ended := 0
	rounds(func(i int) { ended += int(modelOnce(t, 2+i%4, true).ended.Load()) })
	if ended == 0 {
		t.Error("no process was set back: the test is too small")
	}
}

func rounds(once func(i int)) {
	until := time.Time{}
	if d, err := time.ParseDuration(os.Getenv("OTPGW_TEST_MODEL")); err == nil {
		until = time.Now().Add(d)
	}
	for i := 0; i < 6 || time.Now().Before(until); i++ {
		once(i)
	}
}

// How long a run of the model takes, and in which part of it power is lost: what is stored behind that is there.
const (
	modelTime  = 400 * time.Millisecond
	powerTime  = 1000 * time.Millisecond // a reading that was interrupted rests for a tenth of it
	powerLasts = 500 * time.Millisecond
	powerEvery = 150 * time.Millisecond
)

func modelOnce(t *testing.T, processes int, power bool) *modelRun {
	m := newMemory()
	m.faults = func() fault {
		if rand.N(6) > 0 {
			return stored
		}
		return fault(rand.N(int(clockSetBack) + 1))
	}
	m.lags = func() bool { return rand.N(60) == 0 }
	r := &modelRun{t: t, m: m, begun: time.Now(), sums: make(map[tip]uint64), power: power}
	most := modelTime
	if power {
		most = powerTime
	}
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	logs := make([]*Log, processes)
	var wg sync.WaitGroup
	for i := range processes {
		wg.Go(func() { logs[i] = r.process(ctx, i, 2) })
	}
	if power {
		for time.Since(r.begun) < powerLasts {
			time.Sleep(rand.N(powerEvery))
			m.lostPower()
		}
	}
	wg.Wait()
	m.mu.Lock()
	m.faults, m.lags = nil, nil
	m.mu.Unlock()
	for i := range logs {
		logs[i] = r.last(logs[i], i)
		defer logs[i].Close(context.Background())
	}
	equalMemories(t, logs)
	r.hashing.Wait()
	if power {
		t.Logf("%d processes, %d operations, %d looks at %d positions, %d set back, %d jumps", processes, len(r.history), r.looks, len(r.sums), r.ended.Load(), r.jumps.Load())
		return r
	}
	result := porcupine.CheckOperationsTimeout(model, r.history, 20*time.Second)
	if result == porcupine.Illegal {
		t.Fatalf("%d operations of %d processes cannot be put in an order", len(r.history), processes)
	}
	t.Logf("%d processes, %d operations, %d looks at %d positions, %d jumps: %s; the file of one has %d octets", processes, len(r.history), r.looks, len(r.sums), r.jumps.Load(), result, logs[1].ColdBytes())
	return r
}

func equalMemories(t *testing.T, logs []*Log) {
	t.Helper()
	var sums map[uint64]uint64
	if !await.Within(await.Patience, func() bool {
		for _, l := range logs {
			if err := l.Barrier(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		sums = make(map[uint64]uint64)
		for _, l := range logs {
			position, sum := hashNow(t, l)
			if other, known := sums[position]; known && other != sum {
				t.Fatalf("two memories differ at position %d", position)
			}
			sums[position] = sum
		}
		return len(sums) == 1
	}) {
		t.Fatalf("positions and sums: %v", sums)
	}
}
