package queue

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// The leases of the daemons that share a log. A daemon renews its own all the time; when it ends, by the
// log's clock, all that the daemon had claimed is free. The daemon itself stops claiming and handing out well
// before: so that, paused and woken again, it does not go on with what is another's.
const (
	daemonBucket  = "daemon"
	leaseTime     = 6 * time.Second
	leaseRenewal  = time.Second
	leaseMargin   = 2 * time.Second // before its end, from the beginning of the last renewal
	noPriority    = uint8(255)
	leaseAttempts = 4 * time.Second
	// leaseGrace is how long a lease may be over before its daemon counts as gone. While nothing can be
	// stored no lease can be renewed, and the first batch that is stored again ends all of them; the renewals
	// are right behind it.
	leaseGrace = time.Second
)

// daemons is what this daemon knows of all.
type daemons struct {
	q    *Queue
	log  zerolog.Logger
	self string
	good atomic.Int64 // until when this daemon's lease is good, as monotonic time since begun
	from time.Time

	mu     sync.Mutex                  // guards the rest
	others map[string]map[string]uint8 // priorities by work queue; of the daemons whose lease is good

	onLeft func(daemon string) // is told of each that is gone
	renew  chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func newDaemons(q *Queue) *daemons {
	d := &daemons{q: q, log: q.log, self: nuid.New().Next()[:12], from: time.Now(), others: make(map[string]map[string]uint8), renew: make(chan struct{}, 1)}
	d.onLeft = d.left
	return d
}

// changed follows the leases.
func (d *daemons) changed(c commitlog.Change) {
	if c.Key == d.self {
		return
	}
	d.mu.Lock()
	_, known := d.others[c.Key]
	if c.Gone {
		delete(d.others, c.Key)
	} else {
		d.others[c.Key] = decodePriorities(string(c.Value))
	}
	d.mu.Unlock()
	switch {
	case !c.Gone || !known:
	case !c.Over: // it took its lease back
		d.onLeft(c.Key)
	default:
		d.q.schedule.after(leaseGrace, func() {
			if !d.lives(c.Key) {
				d.onLeft(c.Key)
			}
		})
	}
}

// left makes free what a daemon had that is gone.
func (d *daemons) left(daemon string) {
	d.log.Info().Str("daemon", daemon).Msg("another daemon has left; its messages are taken over")
	for _, w := range d.q.works() {
		w.orphaned(daemon)
	}
}

func (d *daemons) lives(daemon string) bool {
	if daemon == d.self {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.others[daemon]
	return ok
}

// Daemons are this daemon, and the others that share the store and are alive: names of this run. A store that
// is this daemon's alone has one without a name.
func (q *Queue) Daemons() (self string, others []string) {
	d := q.daemons
	if d == nil {
		return "", nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.self, slices.Sorted(maps.Keys(d.others))
}

// Alone: the store is this daemon's alone, and nobody else ever writes to it.
func (q *Queue) Alone() bool { return q.daemons == nil }

// leased: this daemon may claim and hand out.
func (d *daemons) leased() bool { return int64(time.Since(d.from)) < d.good.Load() }

// rivals are the best priority on a work queue, of which this daemon's is mine, and the other daemons that
// have it.
func (d *daemons) rivals(bucket string, mine uint8) (best uint8, rivals []string) {
	best = mine
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, priorities := range d.others {
		p, ok := priorities[bucket]
		if !ok || p > best {
			continue
		}
		if p < best {
			best, rivals = p, rivals[:0]
		}
		rivals = append(rivals, name)
	}
	return best, rivals
}

func (d *daemons) start() {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.done.Go(func() {
		tick := time.NewTicker(leaseRenewal)
		defer tick.Stop()
		for {
			d.renewOnce(ctx)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			case <-d.renew:
			}
		}
	})
}

// announce makes the others hear of a change of priorities at once.
func (d *daemons) announce() {
	select {
	case d.renew <- struct{}{}:
	default:
	}
}

func (d *daemons) renewOnce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaseAttempts)
	defer cancel()
	begun := time.Since(d.from)
	was := d.leased()
	_, err := d.q.ledger.Commit(ctx, commitlog.Tx{{Bucket: daemonBucket, Key: d.self, Value: d.q.encodePriorities(), TTL: leaseTime}})
	if err != nil {
		if ctx.Err() == nil || was && !d.leased() {
			d.log.Warn().Err(err).Msg("this daemon's lease is not renewed")
		}
		return
	}
	before := d.good.Swap(int64(begun + leaseTime - leaseMargin))
	if int64(time.Since(d.from)) < before {
		return
	}
	// The lease was over for a moment, perhaps only while this renewal was under way: what arrived in that
	// moment was handed to nobody, and nothing else may come that would.
	for _, w := range d.q.works() {
		w.resume()
	}
}

// resume claims what could not be claimed without a lease.
func (w *work) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hand()
}

// stop ends the lease, so that others go on at once.
func (d *daemons) stop() {
	d.cancel()
	d.done.Wait()
	d.good.Store(0)
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	_, _ = d.q.ledger.Commit(ctx, commitlog.Tx{{Bucket: daemonBucket, Key: d.self, Action: commitlog.Delete}})
}

// Names that stand, in the place of a work queue's, before the newest format that a daemon reads: of the log,
// where one without it reads the first; and of what is on the work queues.
const (
	formatName = ""
	dataName   = "\x00data"
)

// allRead says whether all daemons that share the log read what this one may write in its newest format.
func (d *daemons) allRead() bool { return d.allKnow(formatName, commitlog.Format) }

func (d *daemons) allKnow(name string, format uint8) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, names := range d.others {
		if names[name] < format {
			return false
		}
	}
	return true
}

// Understood says whether every daemon that shares the store takes messages of a format off its work queues.
func (q *Queue) Understood(format uint8) bool {
	return format <= newestData && (q.daemons == nil || q.daemons.allKnow(dataName, format))
}

// encodePriorities: a name's length, the name, the priority; and so on.
func (q *Queue) encodePriorities() []byte {
	out := append([]byte{1, byte(len(formatName)), commitlog.Format, byte(len(dataName))}, dataName...)
	out = append(out, newestData)
	for _, w := range q.works() {
		if p := w.priority(); p != noPriority {
			out = append(append(append(out, byte(len(w.bucket))), w.bucket...), p)
		}
	}
	return out
}

func decodePriorities(value string) map[string]uint8 {
	all := make(map[string]uint8)
	if len(value) == 0 || value[0] != 1 {
		return all
	}
	for rest := value[1:]; len(rest) > 0 && len(rest) >= int(rest[0])+2; rest = rest[int(rest[0])+2:] {
		n := int(rest[0])
		all[rest[1:1+n]] = rest[1+n]
	}
	return all
}
