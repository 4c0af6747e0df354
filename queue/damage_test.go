package queue_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestDamageIsTold: real damage to the files of the embedded store. What was accepted is there, or its loss
// is told with a number that covers it.
func TestDamageIsTold(t *testing.T) {
	t.Parallel()
	const stored = 300
	streams := filepath.Join("nats", "jetstream", "$G", "streams")
	block := func(t *testing.T, dir string) string {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(dir, streams, "LOG", "msgs", "*.blk"))
		if err != nil || len(list) == 0 {
			t.Fatalf("no block of the log: %v", err)
		}
		return list[0]
	}
	flip := func(t *testing.T, name string) {
		t.Helper()
		data, err := os.ReadFile(name)
		must(t, err)
		data[len(data)/2] ^= 1
		must(t, os.WriteFile(name, data, 0o600))
	}
	for name, damage := range map[string]func(t *testing.T, dir string){
		"none": nil,
		"a flipped bit": func(t *testing.T, dir string) {
			flip(t, block(t, dir))
		},
		"a flipped bit, after a crash": func(t *testing.T, dir string) { // without what a clean end writes
			flip(t, block(t, dir))
			must(t, os.Remove(filepath.Join(dir, streams, "LOG", "msgs", "index.db")))
		},
		"a block that is cut off": func(t *testing.T, dir string) {
			i, err := os.Stat(block(t, dir))
			must(t, err)
			must(t, os.Truncate(block(t, dir), i.Size()/2))
			must(t, os.Remove(filepath.Join(dir, streams, "LOG", "msgs", "index.db")))
		},
		"a block that is gone": func(t *testing.T, dir string) {
			must(t, os.Remove(block(t, dir)))
		},
		"the log's folder is gone": func(t *testing.T, dir string) {
			must(t, os.RemoveAll(filepath.Join(dir, streams, "LOG")))
		},
		"all streams are gone": func(t *testing.T, dir string) {
			must(t, os.RemoveAll(filepath.Join(dir, "nats")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ctx := within(t, 60*time.Second)
			q := queuetest.Open(t, queuetest.Dir(dir))
			for i := range stored {
				_, err := q.Records().Create(ctx, fmt.Sprint("r", i), []byte("a record"), 0)
				must(t, err)
			}
			queuetest.Close(t, q)
			if damage != nil {
				damage(t, dir)
			}
			for _, again := range []bool{true, false} { // otpgw check -store takes nothing away from the start behind it
				q = queuetest.Open(t, queuetest.Dir(dir), func(o *queue.Options) { o.Check = again })
				missing := countMissing(t, q, stored)
				lost := q.Lost()
				if (missing > 0) != (damage != nil) || int64(missing) > lost.Messages || damage == nil && lost.Total() != 0 {
					t.Errorf("%d of %d records are missing, and it says: %s", missing, stored, lost)
				}
				queuetest.Close(t, q)
			}
			q = queuetest.Open(t, queuetest.Dir(dir))
			_, err := q.Records().Create(ctx, "new", []byte("a record"), 0)
			must(t, err)
		})
	}
}

// TestDamagedEndAndSnapshotAreTold: octets are damaged that the server only finds out about when they are
// read: of the last message, and of the snapshot behind which the log is gone. The start says so and goes on
// with what is left.
func TestDamagedEndAndSnapshotAreTold(t *testing.T) {
	t.Parallel()
	files := func(t *testing.T, dir, stream string) string {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(dir, "nats", "jetstream", "$G", "streams", stream, "msgs", "*.blk"))
		if err != nil || len(list) == 0 {
			t.Fatalf("no block of %s: %v", stream, err)
		}
		return list[len(list)-1]
	}
	flip := func(t *testing.T, name string, back int64) {
		t.Helper()
		data, err := os.ReadFile(name)
		must(t, err)
		data[int64(len(data))-back] ^= 1
		must(t, os.WriteFile(name, data, 0o600))
	}
	const before, after = 50, 20 // records of the snapshot, and behind it
	last := func(t *testing.T, dir string) { flip(t, files(t, dir, "LOG"), 30) }
	snapshot := func(t *testing.T, dir string) { flip(t, files(t, dir, "OBJ_LOG"), 1000) }
	for name, c := range map[string]struct {
		damage            func(t *testing.T, dir string)
		missing, snapshot int
	}{
		"the last message":                  {last, 1, 0},
		"the snapshot":                      {snapshot, before, 1},
		"the snapshot and the last message": {func(t *testing.T, dir string) { snapshot(t, dir); last(t, dir) }, before + 1, 1},
		"the snapshot is gone": {func(t *testing.T, dir string) {
			must(t, os.RemoveAll(filepath.Join(dir, "nats", "jetstream", "$G", "streams", "OBJ_LOG")))
		}, before, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ctx := within(t, 60*time.Second)
			q := queuetest.Open(t, queuetest.Dir(dir))
			for i := range before + after {
				_, err := q.Records().Create(ctx, fmt.Sprint("r", i), []byte(strings.Repeat("a record ", 10)+fmt.Sprint(i)), 0)
				must(t, err)
				if i == before-1 {
					must(t, q.Compact(ctx))
				}
			}
			queuetest.Close(t, q)
			c.damage(t, dir)
			q = queuetest.Open(t, queuetest.Dir(dir), func(o *queue.Options) { o.Log = zerolog.Nop() })
			missing, lost := countMissing(t, q, before+after), q.Lost()
			if missing != c.missing || lost.Messages < int64(missing) || lost.Snapshots != int64(c.snapshot) {
				t.Errorf("%d records are missing, want %d, and it says: %s", missing, c.missing, lost)
			}
			_, err := q.Records().Create(ctx, "new", []byte("a record"), 0)
			must(t, err)
		})
	}
}

func countMissing(t *testing.T, q *queue.Queue, stored int) (n int) {
	t.Helper()
	for i := range stored {
		_, err := q.Records().Get(context.Background(), fmt.Sprint("r", i))
		if errors.Is(err, queue.ErrNotFound) {
			n++
		} else {
			must(t, err)
		}
	}
	return n
}

// TestMissingStreamIsTold: of each stream beside the log what was in it is gone with its folder. The start says
// so once, and otpgw check -store before it; the rest goes on.
func TestMissingStreamIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx := within(t, 60*time.Second)
	open := func(check bool) *queue.Queue {
		return queuetest.Open(t, queuetest.Dir(dir), func(o *queue.Options) { o.Check, o.Log = check, zerolog.Nop() })
	}
	fill := map[string]func(q *queue.Queue) error{
		"DLQ": func(q *queue.Queue) error {
			return q.DeadLetter(ctx, queue.DeadLetter{Kind: "callback", Reason: "every try failed", Subject: "events.x", Data: []byte("{}")})
		},
	}
	for name, bucket := range map[string]func(q *queue.Queue) *queue.Bucket{
		"KV_endpoint": (*queue.Queue).Endpoints, "KV_token": (*queue.Queue).Tokens, "KV_answer": (*queue.Queue).Answers,
		"KV_guard": (*queue.Queue).Guard, "KV_key": (*queue.Queue).Keys,
	} {
		fill[name] = func(q *queue.Queue) error {
			_, err := bucket(q).Put(ctx, "key", []byte("value"), 0)
			return err
		}
	}
	for stream, put := range fill {
		q := open(false)
		must(t, put(q))
		if lost := q.Lost(); lost.Total() != 0 {
			t.Errorf("before %s is gone: %s", stream, lost)
		}
		queuetest.Close(t, q)
		must(t, os.RemoveAll(filepath.Join(dir, "nats", "jetstream", "$G", "streams", stream)))
		for _, check := range []bool{true, false} {
			q = open(check)
			if lost := q.Lost(); lost.Others < 1 || lost.Messages != 0 {
				t.Errorf("%s is gone, and it says: %s", stream, lost)
			}
			queuetest.Close(t, q)
		}
	}
}
