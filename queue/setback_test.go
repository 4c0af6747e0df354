package queue_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// afterwards writes into a store that has "before" from a snapshot, and wants both in it after another start.
func afterwards(t *testing.T, opts ...queuetest.Option) {
	t.Helper()
	ctx := within(t, time.Minute)
	q := queuetest.Open(t, opts...)
	for i := range 20 {
		_, err := q.Records().Put(ctx, fmt.Sprint("after", i), []byte("v"), time.Hour)
		must(t, err)
	}
	queuetest.Close(t, q)
	q = queuetest.Open(t, opts...)
	for _, key := range []string{"before", "after0", "after19"} {
		if e, err := q.Records().Get(ctx, key); err != nil || string(e.Value) != "v" {
			t.Errorf("%s: %q, %v", key, e.Value, err)
		}
	}
	if lost := q.Lost(); lost.Total() != 0 {
		t.Errorf("%s", lost)
	}
}

// before is a store with a log that is longer than what comes afterwards, and a snapshot of it.
func before(t *testing.T, opts ...queuetest.Option) *queue.Queue {
	t.Helper()
	ctx := within(t, time.Minute)
	q := queuetest.Open(t, opts...)
	for range 100 {
		_, err := q.Records().Put(ctx, "before", []byte("v"), time.Hour)
		must(t, err)
	}
	must(t, q.Compact(ctx))
	return q
}

// TestWhatComesAfterARestoreStays: a backup's snapshot is of a later position than the new log has.
func TestWhatComesAfterARestoreStays(t *testing.T) {
	t.Parallel()
	var backup bytes.Buffer
	must(t, before(t).Backup(within(t, time.Minute), &backup))
	dir := t.TempDir()
	must(t, queue.Restore(within(t, time.Minute), queuetest.Options(t, queuetest.Dir(dir)), &backup, func(*queue.Bucket) error { return nil }))
	afterwards(t, queuetest.Dir(dir))
}

// TestLogMadeAnew: the log of an external server was removed, and its snapshots are there.
func TestLogMadeAnew(t *testing.T) {
	t.Parallel()
	url := queuetest.External(t)
	queuetest.Close(t, before(t, queuetest.URL(url)))
	nc, err := nats.Connect(url)
	must(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(t, err)
	must(t, js.DeleteStream(context.Background(), "LOG"))
	afterwards(t, queuetest.URL(url))
}
