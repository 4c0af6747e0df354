package queue_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// TestCutOffDaemonTellsNothingOld: a daemon that does not hear from the store is not ready within two
// seconds, and tells nothing that it only knew; when the store answers again, so does it.
func TestCutOffDaemonTellsNothingOld(t *testing.T) {
	t.Parallel()
	server := queuetest.StartServer(t)
	q := queuetest.Open(t, queuetest.URL(server.URL), queuetest.Hasty())
	ctx := within(t, 60*time.Second)
	_, err := q.Records().Put(ctx, "k", []byte("value"), time.Hour)
	must(t, err)
	must(t, q.Ready(ctx))

	must(t, syscall.Kill(server.Pid(), syscall.SIGSTOP))
	defer func() { _ = syscall.Kill(server.Pid(), syscall.SIGCONT) }()
	since := time.Now()
	for err == nil { // the process may answer once more before it stops
		err = q.Ready(ctx)
	}
	if !errors.Is(err, queue.ErrUnavailable) || time.Since(since) > 3*time.Second {
		t.Errorf("ready for %s after it was cut off: %v", time.Since(since), err)
	}
	await.That(t, "it tells nothing old", func() bool {
		brief, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := q.Records().Get(brief, "k")
		_, near := q.Records().Near("k")
		return errors.Is(err, queue.ErrUnavailable) && errors.Is(near, queue.ErrUnavailable)
	})
	if took := time.Since(since); took > 4*time.Second {
		t.Errorf("what is old was told for %s", took)
	}
	lag := q.Lag().Time
	await.That(t, "its lag grows", func() bool { return q.Lag().Time > lag+500*time.Millisecond })
	begun := time.Now()
	if _, err := q.Records().Get(queue.Impatient(ctx), "k"); !errors.Is(err, queue.ErrUnavailable) || time.Since(begun) > 3*time.Second {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}

	must(t, syscall.Kill(server.Pid(), syscall.SIGCONT))
	e, err := q.Records().Get(ctx, "k")
	if err != nil || string(e.Value) != "value" {
		t.Errorf("%q, %v", e.Value, err)
	}
	await.That(t, "it is ready again, and not behind", func() bool { return q.Ready(ctx) == nil && q.Lag().Time < 2*time.Second })
}
