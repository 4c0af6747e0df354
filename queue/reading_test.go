package queue

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"
)

// TestReadingOutlastsItsDeadline: a log that is read for longer than a start may take is read to its end; one
// of which nothing comes is given up, and a start that is called off at once.
func TestReadingOutlastsItsDeadline(t *testing.T) {
	t.Parallel()
	q := &Queue{}
	past, cancel := context.WithDeadline(context.Background(), time.Now())
	defer cancel()
	reading, done := q.whileReading(past)
	time.AfterFunc(2*readCheck, func() { q.lastRead.Store(time.Now().Add(-2 * readIdle).UnixNano()) }) // from then on nothing comes
	begun := time.Now()
	<-reading.Done()
	if took := time.Since(begun); took < 2*readCheck || !errors.Is(context.Cause(reading), context.DeadlineExceeded) {
		t.Errorf("given up after %s: %v", took, context.Cause(reading))
	}
	done()

	called, off := context.WithCancel(context.Background())
	reading, done = q.whileReading(called)
	defer done()
	off()
	select {
	case <-reading.Done():
	case <-time.After(20 * time.Second):
		t.Error("a start that was called off goes on")
	}
}

// TestSnapshotIsReadSlowly: the reading of a snapshot may take longer than the five seconds that the library
// gives it.
func TestSnapshotIsReadSlowly(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	q := openOwn(t)
	const size = 1 << 20 // several pieces
	if err := (snapshots{q}).Put(ctx, 1, func(w io.Writer) error { _, err := w.Write(make([]byte, size)); return err }); err != nil {
		t.Fatal(err)
	}
	in, err := snapshots{q}.Newest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := io.ReadFull(in, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	<-time.After(5500 * time.Millisecond) // the time itself is what is tested
	if n, err := io.Copy(io.Discard, in); n != size-10 || err != nil {
		t.Errorf("%d octets more, of %d: %v", n, size-10, err)
	}
}
