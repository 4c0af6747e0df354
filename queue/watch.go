package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// Watch tells f of each change of a bucket in the log that nobody watches yet, from now on. It is told in the
// way of everything else: f is quick, and stores nothing itself.
func (b *Bucket) Watch(f func(key, value string, gone bool)) {
	b.q.ledger.Watch(b.name, func(commitlog.Change) {}, func(c commitlog.Change) { f(expand(c.Key), string(c.Value), c.Gone) })
}

// What a daemon looks at all the time.
const (
	tickInterval = time.Second
	fillInterval = 5 * time.Second
	skewWarn     = 5 * time.Second  // between the machine's clock and the store's
	skewAgain    = 10 * time.Minute // between two warnings of the same
)

// Shares of a bound at which new OTPs are refused, so that those that are there can come to their end.
const (
	logShare    = 0.8       // of the log's bound on disk
	memoryShare = 0.84      // of Options.Memory: the rest is for what is done with the records
	memoryRest  = 160 * mib // at least, or half
	hotShare    = 0.75      // of that bound: from there on records and receipts' ids that nobody changes go to a file
)

// MemoryBound is how much the state may take of what the process may.
func MemoryBound(memory int64) int64 {
	return min(int64(memoryShare*float64(memory)), max(memory-memoryRest, memory/2))
}

// startTicks looks after the store until Close.
func (q *Queue) startTicks() {
	if q.server == nil {
		q.ticks.Go(q.spreader.run)
	}
	q.ticks.Go(func() {
		tick := time.NewTicker(tickInterval)
		defer tick.Stop()
		var filled, warned time.Time
		for {
			select {
			case <-q.closing:
				return
			case <-tick.C:
			}
			q.lookAfterDisk()
			q.noteMark()
			if err := q.ledger.Err(); err != nil && q.disk.err() == nil {
				q.end(fmt.Errorf("%w: %w", ErrStore, err))
			}
			q.tick()
			if back := q.returned.Swap(false); back || time.Since(filled) >= fillInterval {
				filled = time.Now()
				q.readFill()
				q.compareLog()
				q.noteOthers(false)
			}
			if skew := q.Skew(); skew.Abs() > skewWarn && time.Since(warned) > skewAgain {
				warned = time.Now()
				q.log.Warn().Dur("skew", skew).Msg("the clock of this machine and the store's are apart, or one of them was set; the store's counts")
			}
		}
	})
}

// tick moves the log's clock by an empty commit where something has run out and nothing else happens. Where
// several daemons share the log their leases do that.
func (q *Queue) tick() {
	if q.daemons != nil || q.disk.err() != nil || !q.ledger.Overdue() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	_ = q.ledger.Barrier(ctx) // Ready tells who asks
}

// Skew is by how much the machine's clock is ahead of the store's.
func (q *Queue) Skew() time.Duration { return time.Now().Round(0).Sub(q.Now().Round(0)) }

// MemoryBytes is about how much memory the store's state takes, and the bound at which new OTPs are refused;
// 0 for none.
func (q *Queue) MemoryBytes() (used, most int64) {
	return q.ledger.Bytes(), MemoryBound(q.memory.Load())
}

// Full is how much of the room for OTPs is taken, from 0 to 1: of what they may take of the memory, or of their
// number.
func (q *Queue) Full() float64 {
	full := q.Records().Fill()
	if used, most := q.MemoryBytes(); most > 0 {
		full = max(full, float64(used)/float64(most))
	}
	return full
}

// SetMemory gives the store another bound than Options.Memory. What is stored stays when it is lower.
func (q *Queue) SetMemory(octets int64) {
	q.memory.Store(octets)
	q.ledger.SetHot(hotOf(octets))
}

// hotOf is how much the state may take before values that are seldom asked for leave the memory.
func hotOf(memory int64) int64 { return int64(hotShare * float64(MemoryBound(memory))) }

// ColdBytes is what values that left the memory take of the disk.
func (q *Queue) ColdBytes() int64 { return q.ledger.ColdBytes() }

// roomForMore is ErrFull when the store is so full, in memory or on disk, that nothing new is to be begun.
func (q *Queue) roomForMore() error {
	if used, most := q.MemoryBytes(); most > 0 && used > most {
		return fmt.Errorf("%w: the OTPs take %d MiB of memory, and %d are allowed (OTPGW_MEMORY)", ErrFull, used/mib, most/mib)
	}
	if err := q.disk.little(); err != nil {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	if full := q.fill.share(); full > logShare {
		return fmt.Errorf("%w: the log is at %.0f %% of its limit (OTPGW_STORE_SIZE)", ErrFull, 100*full)
	}
	if full := q.snapshotRoom.share(q.stateOctets()); full > snapshotsShare {
		return fmt.Errorf("%w: two snapshots of the OTPs take %.0f %% of what they may (OTPGW_STORE_SIZE)", ErrFull, 100*full)
	}
	return nil
}

// commit stores a transaction; one that makes something new, or for which somebody waits, is refused by a
// store that does not answer.
func (q *Queue) commit(ctx context.Context, t *Tx) (uint64, error) {
	if err := q.disk.err(); err != nil {
		return 0, fmt.Errorf("%w: %w", commitlog.ErrRefused, err)
	}
	switch {
	case t.fresh || impatient(ctx):
		return q.ledger.CommitSoon(ctx, t.ops, q.patience)
	case t.along:
		return q.ledger.CommitAlong(ctx, t.ops)
	}
	return q.ledger.Commit(ctx, t.ops)
}
