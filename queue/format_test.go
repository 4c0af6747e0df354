package queue

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// TestNewFormatWaitsForAll: a daemon writes the log's newest format once every daemon's lease says that it
// reads it, and no sooner.
func TestNewFormatWaitsForAll(t *testing.T) {
	q := &Queue{log: zerolog.Nop()}
	q.work.Store(new([]*work))
	d := newDaemons(q)
	lease := func(daemon, value string) { d.changed(commitlog.Change{Key: daemon, Value: value}) }
	if !d.allRead() {
		t.Error("alone it does not write what it reads itself")
	}
	lease("same", string(q.encodePriorities()))
	if !d.allRead() {
		t.Error("with one of its own version it does not")
	}
	lease("older", "\x01\x06events\x00") // of the version that knew one format
	if d.allRead() {
		t.Error("an older daemon would have to stop")
	}
	d.changed(commitlog.Change{Key: "older", Gone: true})
	if !d.allRead() {
		t.Error("the older one is gone")
	}
}

// TestUnfinishedSnapshotsGo: what a daemon left that was killed over a snapshot goes with the next one, which
// stays whole.
func TestUnfinishedSnapshotsGo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	q, err := Open(ctx, Options{Dir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close(ctx)
	s := snapshots{q}
	for range 3 { // pieces without the entry that makes them an object
		if _, err := q.stream().Publish(ctx, "$O."+snapshotBucket+".C.unfinished", make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	broken := errors.New("no more")
	if err := s.Put(ctx, 7, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("%v", err)
	}
	const size = 300_000
	if err := s.Put(ctx, 8, func(w io.Writer) error { _, err := w.Write(make([]byte, size)); return err }); err != nil {
		t.Fatal(err)
	}
	stream, err := q.stream().Stream(ctx, "OBJ_"+snapshotBucket)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("$O."+snapshotBucket+".C.>"))
	if err != nil || len(info.State.Subjects) != 1 {
		t.Errorf("pieces of %v, want those of one: %v", info.State.Subjects, err)
	}
	in, err := s.Newest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if n, err := io.Copy(io.Discard, in); n != size || err != nil {
		t.Errorf("the snapshot has %d octets of %d: %v", n, size, err)
	}
}
