package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// TestStoreSizeHasTheFile: what the parts of a store may take on disk, with the file of what left the memory,
// comes to its size; and how full the file is can be seen as of the others.
func TestStoreSizeHasTheFile(t *testing.T) {
	t.Parallel()
	const size = 100 * mib
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	q, err := Open(ctx, Options{Dir: t.TempDir(), Size: size, ColdAtOnce: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := q.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	for i := range 100 {
		if _, err := q.Records().Put(ctx, fmt.Sprint(i), bytes.Repeat([]byte("v"), 100), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var parts map[string]StreamStats
	await.That(t, "the file is seen", func() bool {
		stats, err := q.Stats(ctx)
		parts = make(map[string]StreamStats)
		for _, one := range stats.Streams {
			parts[one.Name] = one
		}
		return err == nil && parts[coldFile].Bytes > 0
	})
	sum := parts[coldFile].MaxBytes + parts[snapshotStream].MaxBytes
	for _, a := range q.assets {
		if a.form != countForm {
			sum += parts[a.name].MaxBytes
		}
	}
	if parts[coldFile].MaxBytes < size/20 || sum > size || sum < size-mib {
		t.Errorf("the parts may take %d octets of %d, the file %d", sum, size, parts[coldFile].MaxBytes)
	}
}

// TestDirectoryOfASharedStore: a daemon on an external store is the first to use its data directory: values leave
// its memory for there, and how far the log goes is noted there. Who only checks makes no directory.
func TestDirectoryOfASharedStore(t *testing.T) {
	t.Parallel()
	url, ctx := sharedServer(t), t.Context()
	open := func(o Options) *Queue {
		t.Helper()
		o.URL, o.Dir = url, filepath.Join(t.TempDir(), "data")
		q, err := Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := q.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return q
	}
	q := open(Options{ColdAtOnce: true})
	if _, err := q.Records().Put(ctx, "id", bytes.Repeat([]byte("v"), 100), time.Hour); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the value is in the file", func() bool { return q.ColdBytes() > 0 })
	await.That(t, "the end of the log is noted", func() bool { return newMarker(Options{URL: url, Dir: filepath.Dir(q.marker.path)}).read().Position > 0 })
	if _, err := os.Stat(filepath.Dir(open(Options{Check: true}).marker.path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory of one that only checks: %v", err)
	}
}

// TestSharesOfTheMemory: what is kept beside OTPs leaves them most of the smallest memory too, and has more as soon
// as the memory is set higher.
func TestSharesOfTheMemory(t *testing.T) {
	t.Parallel()
	for memory := int64(64 * mib); memory <= 1<<40; memory *= 2 {
		if left, all := RecordsRoom(memory), MemoryBound(memory); left < all/2 || left > all*3/4 {
			t.Errorf("of %d MiB, %d of %d are left for OTPs", memory/mib, left/mib, all/mib)
		}
	}
	q := openOwn(t)
	for _, b := range []*Bucket{q.Told(), q.Numbers()} {
		q.SetMemory(64 * mib)
		small := b.octets()
		q.SetMemory(gib)
		if large := b.octets(); small > 8*mib || large < 4*small {
			t.Errorf("%s: %d MiB, and %d with sixteen times the memory", b.name, small/mib, large/mib)
		}
	}
}
