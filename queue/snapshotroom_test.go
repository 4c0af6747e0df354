package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// TestSnapshotsLeaveRoomForTheNext: before two snapshots of what is stored would take more than they may, new OTPs are
// refused, so that a snapshot can always be written and the log never fills for want of one; what is there can
// be changed. When OTPs have ended, new ones are taken again, without another snapshot.
func TestSnapshotsLeaveRoomForTheNext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	q, err := Open(ctx, Options{Dir: t.TempDir(), Size: leastStore, SyncAlways: true, Patience: await.Patience, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close(context.Background()) })
	random := rand.NewChaCha8([32]byte{1})
	const size, each = 50_000, 5
	stored := 0
	fill := func() error {
		for {
			tx := q.Begin()
			for i := range each {
				value := make([]byte, size)
				_, _ = random.Read(value)
				tx.Create(q.Records(), fmt.Sprint("k", stored+i), value, time.Hour)
			}
			if err := q.Commit(ctx, tx); err != nil {
				return err
			}
			if stored += each; stored%25 > 0 {
				continue
			}
			if err := patientSnapshot(ctx, q); err != nil {
				t.Fatalf("no snapshot with %d stored: %v", stored, err)
			}
			q.readFill()
		}
	}
	if err := fill(); !errors.Is(err, ErrFull) {
		t.Fatalf("%v", err)
	}
	room := float64(q.snapshotBound) / 2 / size
	if float64(stored) < 0.8*room || float64(stored) > room {
		t.Errorf("%d are stored, and two snapshots have room for %.0f", stored, room)
	}
	if _, err := q.Records().Put(ctx, "k1", []byte("changed"), time.Hour); err != nil {
		t.Errorf("a change: %v", err)
	}
	if err := patientSnapshot(ctx, q); err != nil {
		t.Errorf("no snapshot of what was taken: %v", err)
	}
	tx := q.Begin()
	for i := range stored / 4 {
		tx.Delete(q.Records(), fmt.Sprint("k", i))
	}
	if err := q.Commit(ctx, tx); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Records().Create(ctx, "next", []byte("v"), time.Hour); err != nil {
		t.Errorf("when others have ended: %v", err)
	}
}

// TestStartWithLessThanTheSnapshotHas: what ended while no daemon was there refuses nothing at the next start.
func TestStartWithLessThanTheSnapshotHas(t *testing.T) {
	const most, newest = 24 * mib, 11 * mib
	var r snapshotRoom
	r.heard(1, most, "newest", newest, mib/10)
	for state, room := range map[int64]bool{mib: true, 15 * mib: true, 20 * mib: false} {
		if share := r.share(state); share < snapshotsShare != room {
			t.Errorf("with a state of %d MiB, two snapshots would have a share of %.2f", state/mib, share)
		}
	}
	r.heard(2, most, "next", 6*mib, 18*mib)
	if share := r.share(27 * mib); share < 0.6 || share > 0.65 {
		t.Errorf("with one that was written just now, their share is %.2f", share)
	}
}

// patientSnapshot writes a snapshot, also on a disk that stands still for a while.
func patientSnapshot(ctx context.Context, q *Queue) (err error) {
	await.Within(await.Patience, func() bool {
		err = q.snapshot(ctx)
		return !errors.Is(err, nats.ErrTimeout)
	})
	return err
}
