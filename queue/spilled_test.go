package queue_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// Values that leave the memory in these tests.
const (
	spilledValues = 300
	spilledSize   = 200
)

// spilledValue does not get shorter when it is compressed, so that the file tells how many have left.
func spilledValue(i, version int) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint32(seed[:], uint32(i))
	binary.LittleEndian.PutUint32(seed[4:], uint32(version))
	value := make([]byte, spilledSize)
	_, _ = rand.NewChaCha8(seed).Read(value)
	return value
}

// spill stores a version of all values, and waits until they have left the memory.
func spill(t *testing.T, q *queue.Queue, version int) {
	t.Helper()
	ctx := within(t, time.Minute)
	for i := 0; i < spilledValues; i += 50 {
		tx := q.Begin()
		for j := i; j < i+50; j++ {
			tx.Put(q.Records(), fmt.Sprint("k", j), spilledValue(j, version), time.Hour)
		}
		must(t, q.Commit(ctx, tx))
	}
	haveLeft(t, q)
}

func haveLeft(t *testing.T, q *queue.Queue) {
	t.Helper()
	await.That(t, "the values have left the memory", func() bool { return q.ColdBytes() >= spilledValues*spilledSize })
}

// readBack wants a version of each value, by its key and in a visit.
func readBack(t *testing.T, q *queue.Queue, version int) {
	t.Helper()
	ctx := within(t, time.Minute)
	want := make(map[string][]byte)
	for i := range spilledValues {
		key := fmt.Sprint("k", i)
		want[key] = spilledValue(i, version)
		if e, err := q.Records().Get(ctx, key); err != nil || !bytes.Equal(e.Value, want[key]) {
			t.Fatalf("%s: %x, %v", key, e.Value, err)
		}
	}
	must(t, q.Records().Each(ctx, func(key string, value []byte) bool {
		if !bytes.Equal(value, want[key]) {
			t.Errorf("visited: %s is %x", key, value)
		}
		delete(want, key)
		return true
	}))
	if len(want) > 0 {
		t.Errorf("%d values are not visited", len(want))
	}
}

// TestSpilledValuesComeBack: values that have left the memory for the process's file are read back after
// whatever ends that file: a start anew, from the log and, after its truncation, from a snapshot; the restore
// of a backup. (After kill -9: TestKillLosesNothingAcknowledged; after a jump: TestColdValuesAfterAJump.)
func TestSpilledValuesComeBack(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(t *testing.T, q *queue.Queue, dir string) string{
		"started anew": func(t *testing.T, q *queue.Queue, dir string) string {
			queuetest.Close(t, q)
			return dir
		},
		"after the log's truncation": func(t *testing.T, q *queue.Queue, dir string) string {
			must(t, q.Compact(within(t, time.Minute)))
			readBack(t, q, 2)
			queuetest.Close(t, q)
			return dir
		},
		"from a backup": func(t *testing.T, q *queue.Queue, _ string) string {
			var backup bytes.Buffer
			must(t, q.Backup(within(t, time.Minute), &backup))
			dir := t.TempDir()
			must(t, queue.Restore(within(t, time.Minute), queuetest.Options(t, queuetest.Dir(dir), queuetest.Cold()), &backup,
				func(*queue.Bucket) error { return nil }))
			return dir
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			q := queuetest.Open(t, queuetest.Dir(dir), queuetest.Cold())
			spill(t, q, 1)
			spill(t, q, 2)
			readBack(t, q, 2)
			q = queuetest.Open(t, queuetest.Dir(then(t, q, dir)), queuetest.Cold())
			readBack(t, q, 2)
			haveLeft(t, q)
			readBack(t, q, 2)
			spill(t, q, 3)
			readBack(t, q, 3)
		})
	}
}

// TestLateDaemonReadsWhatWasSpilled: of several daemons whose values have left their memory, one that comes when
// the log's beginning is gone has them from the snapshot, and each has a file of its own.
func TestLateDaemonReadsWhatWasSpilled(t *testing.T) {
	t.Parallel()
	url, copies := "", 1
	if os.Getenv("OTPGW_TEST_FULL") != "" {
		copies = 3
		url = queuetest.StartCluster(t, copies).URL()
	} else {
		url = queuetest.External(t)
	}
	join := func() *queue.Queue {
		return queuetest.Open(t, queuetest.URL(url), queuetest.Replicas(copies), queuetest.Dir(t.TempDir()), queuetest.Cold())
	}
	first, second := join(), join()
	spill(t, first, 1)
	haveLeft(t, second)
	spill(t, second, 2)
	must(t, first.Compact(within(t, time.Minute)))
	late := join()
	for _, q := range []*queue.Queue{first, second, late} {
		must(t, q.Commit(within(t, time.Minute), q.Begin()))
		haveLeft(t, q)
		readBack(t, q, 2)
	}
	spill(t, late, 3)
	must(t, first.Commit(within(t, time.Minute), first.Begin())) // what another has stored is here once a barrier is passed
	readBack(t, first, 3)
}
