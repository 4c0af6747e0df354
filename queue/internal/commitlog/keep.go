package commitlog

import (
	"context"
	"errors"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
)

// How snapshots are kept.
const (
	snapshotCheck = time.Second
	snapshotLease = 10 * time.Minute // of the process that writes one
	ownBucket     = "log"            // what the log keeps for itself
	snapshotKey   = "snapshot"
	snapshotShare = 6 // the log may grow by one part in so many of the state, which the next snapshot writes as a whole
)

// keepSnapshots writes a snapshot when the log has grown by its interval and by a share of the state, and
// removes the log before it. Of several processes one does it, see takeLease.
func (l *Log) keepSnapshots(ctx context.Context) {
	tick := time.NewTicker(snapshotCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if l.since.Load() < max(l.o.SnapshotEvery, (l.state.bytes()+l.state.coldBytes())/snapshotShare) {
			continue
		}
		if err := l.Snapshot(ctx); err != nil && ctx.Err() == nil {
			l.o.Log.Warn().Err(err).Msg("no snapshot of the log; its beginning stays")
		}
	}
}

// Snapshot writes a snapshot now and trims the stream, unless another process is about it.
func (l *Log) Snapshot(ctx context.Context) error {
	l.since.Store(0)
	if !l.o.Sole { // where nobody else is, a log that is full can be trimmed all the same
		revision, err := l.Commit(ctx, Tx{{Bucket: ownBucket, Key: snapshotKey, If: IfAbsent, TTL: snapshotLease}})
		if errors.Is(err, ErrConflict) {
			return nil
		}
		if err != nil {
			return err
		}
		defer l.endLease(ctx, revision)
	}
	begun := time.Now()
	v, err := l.state.save()
	if err != nil {
		return err
	}
	err = l.o.Snapshots.Put(ctx, v.position, v.write)
	l.state.saved(v)
	if err != nil {
		return err
	}
	if err := backoff.Sleep(ctx, l.o.Settle); err != nil {
		return err
	}
	if err := l.o.Stream.Trim(ctx, v.position); err != nil {
		return err
	}
	l.o.Log.Info().Uint64("position", v.position).Int64("bytes", l.state.bytes()).Dur("took", time.Since(begun)).Msg("snapshot of the log written")
	return nil
}

func (l *Log) endLease(ctx context.Context, revision uint64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	_, _ = l.Commit(ctx, Tx{{Bucket: ownBucket, Key: snapshotKey, Action: Delete, If: IfRevision, Revision: revision}})
}

// Position is that of the last batch that was applied.
func (l *Log) Position() uint64 {
	l.state.mu.RLock()
	defer l.state.mu.RUnlock()
	return l.state.position
}
