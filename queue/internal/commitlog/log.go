package commitlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/rs/zerolog"
)

// Stream is where the log is: an append-only sequence of messages, at positions from 1 on, that drops what is
// appended again under the same id within minutes.
type Stream interface {
	// Append stores data as one message and returns its position. It is one attempt: an error that is neither
	// ErrFull nor ErrRefused leaves open whether it was stored, and the same is appended again under the same
	// id. data is the caller's again when it returns.
	Append(ctx context.Context, id string, data []byte) (position uint64, err error)
	// Read gives f the messages after a position, in order, and goes on with those that come, until ctx ends,
	// f fails or the stream cannot be read. It leaves out none that the stream has; where it has some that
	// nobody will ever read the error is a Gap. data is f's to keep.
	Read(ctx context.Context, after uint64, f func(Message) error) error
	// Bounds are the positions of the first and the last message; last is first-1 when there is none.
	Bounds(ctx context.Context) (first, last uint64, err error)
	// Get reads one message; has is false where the stream does not have it, whatever a copy of it has.
	Get(ctx context.Context, position uint64) (m Message, has bool, err error)
	// Trim removes the messages up to a position, behind which the next one is stored, also where the stream
	// has not come so far.
	Trim(ctx context.Context, position uint64) error
}

// Message is one message of a Stream.
type Message struct {
	Position uint64
	Stamp    time.Time // when the server stored it
	Data     []byte
}

// Snapshots is where snapshots are kept.
type Snapshots interface {
	// Newest opens the newest complete snapshot of all that were put; nil when there is none. An error of its
	// reading that is ErrDamaged says that no other try will end better, one that is ErrUnread that another
	// will, however often.
	Newest(ctx context.Context) (io.ReadCloser, error)
	// Put stores what write writes as the snapshot of a position, and removes older ones. Where several
	// processes write, one that was slow may put an older one beside a newer, which stays the newest.
	Put(ctx context.Context, position uint64, write func(io.Writer) error) error
}

// Options are what a Log works with.
type Options struct {
	Stream    Stream
	Snapshots Snapshots
	Sole      bool // no other process writes to the stream, or reads it
	Log       zerolog.Logger
	Watchers  map[string]Watcher // by bucket

	Packed func() bool // whether every process that reads the stream reads format 2; nil: it does

	Dir    string   // for a file of values that leave the memory; "": none do
	Hot    int64    // octets of memory from which on they do; 0: never
	Cold   int64    // octets that the file may take; 0: no bound
	Seldom []string // buckets whose values may
	AtOnce bool     // as soon as they are there, not a minute after their last change: for tests

	SnapshotEvery int64         // octets of log between two snapshots, at least; 0 is a default
	SnapshotLease time.Duration // for how long a process may be writing one without renewing its lease; 0 is a default
	Pressed       func() bool   // the stream is so full that a snapshot is due before; nil: it never is
	Settle        time.Duration // from a snapshot to the removal of the log before it: after a power loss one of them must be there
}

// Defaults and bounds.
const (
	defaultSnapshotEvery = 8 << 20
	maxBatch             = 256 << 10             // octets; a single transaction may be longer
	maxPending           = 32 << 20              // octets of transactions that wait for their batch
	alongWithin          = 5 * time.Millisecond  // that a transaction without hurry waits for others
	attemptTimeout       = 1 * time.Second       // of one append
	firstPause           = 10 * time.Millisecond // between attempts; doubles
	longestPause         = 250 * time.Millisecond
)

// Log is an open log. It is safe for use by many goroutines.
type Log struct {
	o      Options
	state  *State
	writer uint64
	clock  clock

	mu       sync.Mutex  // guards the rest
	pending  []*waiter   // not in a batch yet
	octets   int         // of pending
	hurried  int         // of pending, those that somebody waits for
	along    time.Time   // since when one is pending that is not; zero for none
	patience *time.Timer // wakes for that one
	inflight map[uint64][]*waiter
	failed   error // why nothing can be committed any more
	closing  bool

	unpacked        []byte // room for a batch; owned by the applying goroutine
	joined, encoded []byte // the same, for one that is made; owned by the goroutine that appends

	wake    chan struct{} // something is pending
	applied atomic.Int64  // when something was last applied, in nanoseconds of the clock's monotonic time
	since   atomic.Int64  // octets applied since the last snapshot
	grown   atomic.Int64  // and since the start
	waiting atomic.Int64  // since when the append under way is unanswered; 0 for none

	restored   uint64 // written by Open only; see Restored
	noSnapshot bool   // of Open only: there is none that can be read

	lost struct{ messages, snapshots atomic.Int64 } // see Lost

	stop    context.CancelFunc
	running sync.WaitGroup
	broken  chan struct{} // closed when failed is set for good
}

// waiter is a transaction on its way.
type waiter struct {
	tx      Tx   // the caller's; read under Log.mu, and only until it is in a batch or the caller has given up
	size    int  // of it, encoded, about
	hurried bool // somebody waits for it; see CommitAlong
	barrier bool // nothing is in it
	begun   bool // in a batch; guarded by Log.mu
	gone    bool // its caller has given up before; guarded by Log.mu

	done     chan struct{} // closed when the rest is known
	revision uint64
	err      error
}

func newWaiter(tx Tx, hurried bool) *waiter {
	return &waiter{tx: tx, size: sizeOf(tx), barrier: len(tx) == 0, hurried: hurried, done: make(chan struct{})}
}

// resolve tells whoever waits. It is called once: by who took the waiter out of Log.pending or Log.inflight.
func (w *waiter) resolve(revision uint64, err error) {
	w.revision, w.err = revision, err
	close(w.done)
}

// Open reads the newest snapshot and the stream to its present end, and starts to work. ctx bounds the
// reading.
func Open(ctx context.Context, o Options) (*Log, error) {
	if o.SnapshotEvery == 0 {
		o.SnapshotEvery = defaultSnapshotEvery
	}
	if o.SnapshotLease == 0 {
		o.SnapshotLease = snapshotLease
	}
	l := &Log{o: o, writer: rand.Uint64(), inflight: make(map[uint64][]*waiter), wake: make(chan struct{}, 1), broken: make(chan struct{})}
	l.patience = time.AfterFunc(time.Hour, l.signal)
	l.patience.Stop()
	l.state = l.newState()
	for name, w := range o.Watchers {
		l.state.watchers[name] = w
	}
	l.state.watchers[ownBucket] = l.wroteElsewhere
	l.clock.begin()
	if err := l.restore(ctx); err != nil {
		l.state.closeFile()
		return nil, err
	}
	running, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.running.Go(l.commitAll)
	if o.Sole {
		l.clock.continueFrom(l.state.clock)
	} else {
		l.running.Go(func() { l.follow(running) })
	}
	l.running.Go(func() { l.keepSnapshots(running) })
	l.running.Go(func() { l.keepCool(running) })
	if err := l.arrive(ctx); err != nil {
		l.Close(ctx)
		return nil, err
	}
	return l, nil
}

// arrive commits for the first time, which also sets the clock. A log that is full may be about to lose its
// beginning.
func (l *Log) arrive(ctx context.Context) error {
	for {
		err := l.Barrier(ctx)
		if err == nil || l.Err() != nil {
			return err
		}
		if backoff.Sleep(ctx, readPause) != nil {
			return err
		}
	}
}

// Get reads a value from memory. In a process that is behind, what it finds may be old, and what it does not
// find may be there: see Barrier.
func (l *Log) Get(bucket, key string) (Entry, bool) {
	e, ok := l.state.get(bucket, key, l.clock.now().UnixMilli())
	if !ok {
		l.whole()
	}
	return e, ok
}

// Overdue tells whether something has run out that is still in memory, since nothing was committed after.
func (l *Log) Overdue() bool { return l.state.overdue(l.clock.now().UnixMilli()) }

// Barrier returns when everything that was stored before the call is applied here.
func (l *Log) Barrier(ctx context.Context) error {
	_, err := l.Commit(ctx, nil)
	return err
}

// Now is the log's clock.
func (l *Log) Now() time.Time { return l.clock.now() }

// Fresh is how long ago something was last applied; with a commit every second it tells how far behind the
// process may be.
func (l *Log) Fresh() time.Duration { return l.clock.elapsed() - time.Duration(l.applied.Load()) }

// Grown is about how many octets of the stream were applied since the start.
func (l *Log) Grown() int64 { return l.grown.Load() }

// Unanswered is for how long the append under way has had no answer.
func (l *Log) Unanswered() time.Duration {
	since := l.waiting.Load()
	if since == 0 {
		return 0
	}
	return l.clock.elapsed() - time.Duration(since)
}

// Stats is the fill of one bucket.
func (l *Log) Stats(bucket string) BucketStats { return l.state.stats(bucket) }

// Bytes is about how much memory the state takes.
func (l *Log) Bytes() int64 { return l.state.bytes() }

// Restored is how far the log went when it was opened: to the end of the stream, or of a snapshot that is
// further on.
func (l *Log) Restored() uint64 { return l.restored }

// Lost is what was found missing since the start: messages of the stream that were in no snapshot either, and
// snapshots that cannot be read.
func (l *Log) Lost() (messages, snapshots int64) {
	return l.lost.messages.Load(), l.lost.snapshots.Load()
}

// Broken is closed when the log cannot go on, see Err.
func (l *Log) Broken() <-chan struct{} { return l.broken }

// Err is why the log cannot go on; nil while it can.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Close stores what is pending, as long as ctx lasts, and ends the log's goroutines.
func (l *Log) Close(ctx context.Context) {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.signal()
	ended := make(chan struct{})
	go func() {
		l.running.Wait()
		close(ended)
	}()
	drained := time.NewTicker(5 * time.Millisecond)
	defer drained.Stop()
	for l.busy() && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-drained.C:
		}
	}
	l.fail(ErrClosed)
	l.stop()
	<-ended
	l.state.closeFile()
}

func (l *Log) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed == nil && (len(l.pending) > 0 || len(l.inflight) > 0)
}

// Fail ends the log because its stream will store nothing any more; what was applied can still be read.
func (l *Log) Fail(err error) { l.fail(err) }

// fail ends the log for good: whoever waits hears of it, and so does each later caller.
func (l *Log) fail(err error) {
	l.mu.Lock()
	if l.failed != nil {
		l.mu.Unlock()
		return
	}
	l.failed = err
	pending, inflight := l.pending, l.inflight
	l.pending, l.octets, l.hurried, l.inflight = nil, 0, 0, make(map[uint64][]*waiter)
	l.mu.Unlock()
	for _, w := range pending {
		w.resolve(0, fmt.Errorf("%w: %w", ErrRefused, err))
	}
	for _, list := range inflight {
		resolve(list, fmt.Errorf("%w: %w", ErrUnknown, err))
	}
	if !errors.Is(err, ErrClosed) {
		l.o.Log.Error().Err(err).Msg("the log has ended")
	}
	close(l.broken)
	l.signal()
}

func resolve(list []*waiter, err error) {
	for _, w := range list {
		w.resolve(0, err)
	}
}
