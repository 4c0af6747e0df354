package counts

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/queue"
)

// How a Counter works.
const (
	fresh        = 5 * time.Second // how old stored counts may be to judge by
	flushEvery   = time.Second
	flushTimeout = 5 * time.Second
	flushWriters = 16
	flushTries   = 10    // of a group that other daemons count too
	groupsKept   = 16384 // in memory, about 500 bytes each
)

// Group is whose OTPs are counted together: an application's of a kind, to a country for instance. In memory it
// is what it is; the store has it by a name.
type Group struct{ Kind, App, Name string }

// Store is where counts are kept, and the clock that goes with it.
type Store struct {
	Bucket *queue.Bucket
	Key    func(Group) string // of a group, in the bucket; it tells neither application nor number
	Alone  bool               // nobody else counts in the bucket: what is known here need not be read again
	Now    func() time.Time   // the store's clock, which all daemons share
	Log    zerolog.Logger
}

// Counter is this daemon's part of the counting. Its memory is bounded: of what was read, the groups used
// least lately go, and while the store does not answer no further groups are counted than it has room for.
// The zero Counter has counted nothing.
type Counter struct {
	start   sync.Once
	writer  string // names this counter in Counts.Writers
	read    *lru.Cache[Group, stored]
	mu      sync.Mutex // guards the rest, and that what is read gets no older
	pending map[Group]pending
}

// stored is what the store has of a group, as far as is known.
type stored struct {
	counts   Counts
	revision uint64
	at       time.Time // real time of the reading
	traffic  Traffic   // of the counts
	slot     int64     // in which it is
}

func (c *Counter) init() {
	c.start.Do(func() {
		c.writer = rand.Text()
		c.read, _ = lru.New[Group, stored](groupsKept) // fails for a size of 0
		c.pending = make(map[Group]pending)
	})
}

// Add counts for a group, at the time that an OTP was made.
func (c *Counter) Add(g Group, at time.Time, sent, verified int) {
	c.init()
	c.mu.Lock()
	defer c.mu.Unlock()
	p, known := c.pending[g]
	if !known {
		if len(c.pending) >= groupsKept {
			return
		}
		p.fresh = empty()
		c.pending[g] = p
	}
	p.fresh.add(at, sent, verified)
}

// Of is the counts of a group: those stored, a few seconds old at most, and those of this daemon that are not
// stored yet. Without the store it is what is known here.
func (c *Counter) Of(ctx context.Context, s Store, g Group) Counts {
	known := c.stored(ctx, s, g).counts
	c.mu.Lock()
	defer c.mu.Unlock()
	return known.plus(c.pending[g].beside(known, c.writer).sum(s.Now()), s.Now())
}

// Traffic is what of them a judgement goes by. It is asked twice for each OTP, so it adds up no more.
func (c *Counter) Traffic(ctx context.Context, s Store, g Group, now time.Time) Traffic {
	known := c.stored(ctx, s, g)
	if known.slot != slotOf(now) {
		known.traffic = known.counts.traffic(now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return known.traffic.plus(known.counts, c.pending[g].beside(known.counts, c.writer).sum(now), now)
}

// stored is what the store has of a group, read again once it is too old, where others count too.
func (c *Counter) stored(ctx context.Context, s Store, g Group) stored {
	c.init()
	known, ok := c.read.Get(g)
	if ok && (s.Alone || time.Since(known.at) < fresh) {
		return known
	}
	counts, revision, err := s.read(ctx, g)
	if err != nil {
		s.Log.Debug().Err(err).Msg("counts are those known here, the store has not answered")
		return known
	}
	return c.know(s, g, counts, revision)
}

// know takes what was read, unless something newer is known, and returns what is known then.
func (c *Counter) know(s Store, g Group, counts Counts, revision uint64) stored {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := stored{counts: counts, revision: revision, at: time.Now()}
	if newer, ok := c.read.Peek(g); ok && newer.revision > revision {
		known.counts, known.revision = newer.counts, newer.revision
	}
	now := s.Now()
	known.traffic, known.slot = known.counts.traffic(now), slotOf(now)
	c.read.Add(g, known)
	return known
}

// Run stores what is counted, until ctx ends, and then what is left.
func (c *Counter) Run(ctx context.Context, s Store) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.Flush(context.WithoutCancel(ctx), s)
			return nil
		case <-tick.C:
			c.Flush(ctx, s)
		}
	}
}

// Flush stores all that is pending. What cannot be stored is tried again the next time.
func (c *Counter) Flush(ctx context.Context, s Store) {
	c.init()
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	c.mu.Lock()
	groups := slices.Collect(maps.Keys(c.pending))
	c.mu.Unlock()
	writers, ctx := errgroup.WithContext(ctx)
	writers.SetLimit(flushWriters)
	for _, g := range groups {
		writers.Go(func() error { return c.flush(ctx, s, g) })
	}
	if err := writers.Wait(); err != nil {
		s.Log.Warn().Err(err).Int("groups", len(groups)).Msg("counts of OTPs sent and verified are not stored yet")
	}
}

// flush stores what is pending of a group. It is not pending meanwhile, and not in Of: for the time of a
// write a judgement may be by fewer.
func (c *Counter) flush(ctx context.Context, s Store, g Group) error {
	c.mu.Lock()
	left := c.pending[g]
	delete(c.pending, g)
	known, _ := c.read.Peek(g)
	c.mu.Unlock()
	left, err := c.write(ctx, s, g, known, left)
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	left.fresh = left.fresh.plus(c.pending[g].fresh, s.Now())
	c.pending[g] = left
	return err
}

// write adds what is pending of a group to what is stored, and returns what is left of it after an error.
func (c *Counter) write(ctx context.Context, s Store, g Group, known stored, p pending) (left pending, err error) {
	counts, revision := known.counts, known.revision
	if len(p.doubtful) > 0 { // what is known here may be older than they are
		if counts, revision, err = s.latest(ctx, g); err != nil {
			return p, err
		}
	}
	for range flushTries {
		if p = p.beside(counts, c.writer); p.empty() {
			c.know(s, g, counts, revision)
			return pending{}, nil
		}
		sum := counts.plus(p.sum(s.Now()), s.Now())
		p.mark = max(s.Now().UnixMilli(), sum.Writers[c.writer]+1, p.mark+1)
		sum.Writers[c.writer] = p.mark
		if revision, err = s.write(ctx, g, sum, revision); err == nil {
			c.know(s, g, sum, revision)
			return pending{}, nil
		}
		p = p.doubted() // also a conflict may be with a write of our own, which had no answer
		if !errors.Is(err, queue.ErrConflict) {
			break
		}
		if counts, revision, err = s.read(ctx, g); err != nil {
			break
		}
	}
	return p, err
}

func (s Store) read(ctx context.Context, g Group) (c Counts, revision uint64, err error) {
	return decode(s.Bucket.Get(ctx, s.Key(g)))
}

// latest is read that misses nothing that was stored before.
func (s Store) latest(ctx context.Context, g Group) (c Counts, revision uint64, err error) {
	return decode(s.Bucket.Latest(ctx, s.Key(g)))
}

func decode(e queue.Entry, err error) (c Counts, revision uint64, _ error) {
	if errors.Is(err, queue.ErrNotFound) {
		return c, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(e.Value, &c)
	}
	return c, e.Revision, err
}

func (s Store) write(ctx context.Context, g Group, c Counts, revision uint64) (uint64, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return 0, err
	}
	if revision == 0 {
		return s.Bucket.Create(ctx, s.Key(g), data, 0)
	}
	return s.Bucket.Update(ctx, s.Key(g), data, 0, revision)
}
