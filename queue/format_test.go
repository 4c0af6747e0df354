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
	lease := func(daemon, value string) { d.changed(commitlog.Change{Key: daemon, Value: []byte(value)}) }
	if q.daemons = d; !d.allRead() || !q.Understood(newestData) {
		t.Error("alone it does not write what it reads itself")
	}
	if q.Understood(newestData + 1) {
		t.Error("it writes what it does not read itself")
	}
	lease("same", string(q.encodePriorities()))
	if !d.allRead() || !q.Understood(newestData) {
		t.Error("with one of its own version it does not")
	}
	lease("older", "\x01\x06events\x00") // of the version that knew one format
	if d.allRead() {
		t.Error("an older daemon would have to stop")
	}
	lease("older", "\x01\x00\x02\x06events\x00") // of the version that knew no format of data but the first
	if !d.allRead() || q.Understood(newestData) || !q.Understood(0) {
		t.Error("an older daemon would leave these messages alone")
	}
	d.changed(commitlog.Change{Key: "older", Gone: true})
	if !d.allRead() || !q.Understood(newestData) {
		t.Error("the older one is gone")
	}
}

// TestUnknownMessageIsLeftAlone: a message in a format that this daemon does not know yet stays where it is.
func TestUnknownMessageIsLeftAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	q := openOwn(t)
	newer := Message{Subject: "events.newer", Key: "newer", Data: []byte("2"), Format: newestData + 1}
	known := Message{Subject: "events.known", Key: "known", Data: []byte("1"), Format: newestData}
	if err := q.Commit(ctx, q.Begin().Message(newer).Message(known)); err != nil {
		t.Fatal(err)
	}
	p, err := q.Events().Pull(ctx, PullOptions{Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if d, err := p.Next(ctx); err != nil || string(d.Data) != "1" {
		t.Fatalf("%+v, %v", d, err)
	}
	if out, left := q.Events().work.stats(); out.Msgs != 1 || left != 1 {
		t.Errorf("%d messages are counted, %d of them handed out; want the one that is known", out.Msgs, left)
	}
	if !q.Events().Stored("newer") {
		t.Error("it is gone")
	}
}

// TestUnfinishedSnapshotsGo: what a daemon left that was killed over a snapshot goes with the next one, which
// stays whole.
func TestUnfinishedSnapshotsGo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	q := openOwn(t)
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
