//go:build unix

package queue_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestCopyHangs: values that are kept in copies are read at once while the server of one copy hangs,
// whichever copy is asked for.
func TestCopyHangs(t *testing.T) {
	t.Parallel()
	cluster := queuetest.StartCluster(t, 3)
	q := queuetest.Open(t, queuetest.URL(cluster.URL()), queuetest.Replicas(3))
	ctx := within(t, 90*time.Second)
	for i := range 5 {
		_, err := q.Tokens().Put(ctx, fmt.Sprint("k", i), []byte("value"), time.Hour)
		must(t, err)
	}
	hung := cluster.Servers[0]
	if hung == cluster.Leader(t, "KV_token") {
		hung = cluster.Servers[1]
	}
	must(t, syscall.Kill(hung.Pid(), syscall.SIGSTOP))
	defer func() { _ = syscall.Kill(hung.Pid(), syscall.SIGCONT) }()
	var all, longest time.Duration
	for i := range 60 {
		begun := time.Now()
		e, err := q.Tokens().Get(queue.Impatient(ctx), fmt.Sprint("k", i%5))
		must(t, err)
		if string(e.Value) != "value" {
			t.Fatalf("got %q", e.Value)
		}
		took := time.Since(begun)
		all, longest = all+took, max(longest, took)
	}
	t.Logf("60 reads took %s, the longest %s", all, longest)
	if all > 10*time.Second { // 20 wait for 150 ms each
		t.Errorf("60 reads took %s", all)
	}
}
