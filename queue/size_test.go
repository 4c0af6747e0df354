package queue

import (
	"bytes"
	"context"
	"fmt"
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
