package queue_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// flip changes a bit of each kilobyte of the file of what left the memory, which has no name: it is found among
// what this process has open.
func flip(t *testing.T, dir string) {
	t.Helper()
	open, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	flipped := 0
	for _, fd := range open {
		name, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(name, filepath.Join(dir, "memory-")) {
			continue
		}
		f, err := os.OpenFile(fd, os.O_RDWR, 0)
		must(t, err)
		info, err := f.Stat()
		must(t, err)
		for at := int64(512); at < info.Size(); at += 1024 {
			one := make([]byte, 1)
			_, err := f.ReadAt(one, at)
			must(t, err)
			one[0] ^= 4
			_, err = f.WriteAt(one, at)
			must(t, err)
			flipped++
		}
		must(t, f.Close())
	}
	if flipped == 0 {
		t.Fatal("the file is not found")
	}
}

// TestFlippedBitOfASpilledValue: nobody hears that the value is not there, or another one. The store ends, and
// started anew has it from the log.
func TestFlippedBitOfASpilledValue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := queuetest.Open(t, queuetest.Dir(dir), queuetest.Cold())
	spill(t, q, 1)
	flip(t, dir)
	refused := 0
	for i := range spilledValues {
		e, err := q.Records().Get(within(t, time.Minute), fmt.Sprint("k", i))
		switch {
		case errors.Is(err, queue.ErrUnavailable):
			refused++
		case err != nil || string(e.Value) != string(spilledValue(i, 1)):
			t.Fatalf("k%d: %x, %v", i, e.Value, err)
		}
	}
	if refused == 0 {
		t.Error("all are read as if nothing were wrong")
	}
	select {
	case <-q.Ended():
	case <-time.After(20 * time.Second):
		t.Fatal("the store goes on")
	}
	if err := q.Err(); err == nil || !strings.Contains(err.Error(), "cannot be read back") {
		t.Errorf("it ended with %v", err)
	}
	queuetest.Close(t, q)
	readBack(t, queuetest.Open(t, queuetest.Dir(dir), queuetest.Cold()), 1)
}
