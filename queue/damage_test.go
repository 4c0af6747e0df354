package queue_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

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
