package commitlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errLeaseLost: this process was away for so long that another one may be writing a snapshot.
var errLeaseLost = errors.New("commitlog: another process may be writing a snapshot meanwhile")

// held is the lease of the process that writes a snapshot. It is renewed until it ends, or is lost: then its
// context ends too.
type held struct {
	ctx  context.Context
	stop context.CancelCauseFunc
	l    *Log
	all  sync.WaitGroup

	mu       sync.Mutex // held over each change of the lease
	revision uint64     // guarded by mu; 0: it is over
}

func (l *Log) leaseTx(cond Condition, revision uint64) Tx {
	return Tx{{Bucket: ownBucket, Key: snapshotKey, If: cond, Revision: revision, TTL: l.o.SnapshotLease}}
}

func holdLease(ctx context.Context, l *Log, revision uint64) *held {
	h := &held{l: l, revision: revision}
	h.ctx, h.stop = context.WithCancelCause(ctx)
	h.all.Go(func() {
		tick := time.NewTicker(l.o.SnapshotLease / 4)
		defer tick.Stop()
		for {
			select {
			case <-h.ctx.Done():
				return
			case <-tick.C:
			}
			h.renew()
		}
	})
	return h
}

// renew: a renewal whose outcome is not known is made again by the next.
func (h *held) renew() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.revision == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(h.ctx, h.l.o.SnapshotLease/4)
	defer cancel()
	revision, err := h.l.Commit(ctx, h.l.leaseTx(IfRevision, h.revision))
	if err == nil {
		h.revision = revision
		return
	}
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrUnknown) {
		h.revision = 0
		h.stop(errLeaseLost)
	}
}

// done ends the lease because the snapshot is written. An error says that it may not count: the stream is not
// to be trimmed for it.
func (h *held) done() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	revision := h.revision
	h.revision = 0
	if revision == 0 {
		return errLeaseLost
	}
	_, err := h.l.Commit(h.ctx, Tx{{Bucket: ownBucket, Key: snapshotKey, Action: Delete, If: IfRevision, Revision: revision},
		{Bucket: ownBucket, Key: doneKey}})
	if errors.Is(err, ErrConflict) {
		return errLeaseLost
	}
	return err
}

// end gives the lease back if it is held still, so that another process may try at once.
func (h *held) end() {
	h.mu.Lock()
	revision := h.revision
	h.revision = 0
	h.mu.Unlock()
	h.stop(context.Canceled)
	h.all.Wait()
	if revision == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.ctx), attemptTimeout)
	defer cancel()
	if _, err := h.l.Commit(ctx, Tx{{Bucket: ownBucket, Key: snapshotKey, Action: Delete, If: IfRevision, Revision: revision}}); err != nil {
		h.l.o.Log.Debug().Err(fmt.Errorf("the lease of a snapshot stays until its end: %w", err)).Send()
	}
}
