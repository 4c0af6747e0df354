package queue_test

import (
	"slices"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// TestConnectionsSpreadAgain: the servers of a cluster are restarted one by one, under load; afterwards each has
// a connection of the daemon again, and nothing has failed for it.
func TestConnectionsSpreadAgain(t *testing.T) {
	t.Parallel()
	cluster := queuetest.StartCluster(t, 3)
	q := queuetest.Open(t, queuetest.URL(cluster.URL()), queuetest.Replicas(3))
	servers := func() int {
		names := q.Connections()
		slices.Sort(names)
		if names = slices.Compact(names); names[0] == "" {
			names = names[1:]
		}
		return len(names)
	}
	stop := make(chan struct{})
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		count(t, q, "k", stop)
	}()
	for _, s := range cluster.Servers {
		s.Stop()
		s.Restart(t)
		await.That(t, "the store works", func() bool { return q.Ready(within(t, 5*time.Second)) == nil })
	}
	if !await.Within(2*await.Patience, func() bool { return servers() == 3 }) {
		t.Errorf("the connections are to %v", q.Connections())
	}
	close(stop)
	<-counted
}
