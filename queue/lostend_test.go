//go:build unix

package queue_test

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// lostEnd are servers that lose the end of the log.
type lostEnd struct {
	*testing.T
	servers []*queuetest.Server
	kept    []string
}

// keep is where they will be set back to.
func (l *lostEnd) keep() {
	l.Helper()
	for _, s := range l.servers {
		s.Stop()
	}
	for _, s := range l.servers {
		l.kept = append(l.kept, s.Keep(l))
	}
	l.start()
}

func (l *lostEnd) start() {
	l.Helper()
	for _, s := range l.servers {
		s.Restart(l)
	}
}

func (l *lostEnd) setBack() {
	l.Helper()
	for _, s := range l.servers {
		s.Kill()
	}
	for i, s := range l.servers {
		s.SetBack(l, l.kept[i])
	}
	l.start()
}

// last is how far the log goes.
func (l *lostEnd) last(url string) (last uint64) {
	l.Helper()
	nc, err := nats.Connect(url)
	must(l, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(l, err)
	await.That(l, "the log tells its end", func() bool {
		ctx, cancel := context.WithTimeout(l.Context(), 2*time.Second)
		defer cancel()
		s, err := js.Stream(ctx, "LOG")
		if err == nil {
			last = s.CachedInfo().State.LastSeq
		}
		return err == nil
	})
	return last
}

// TestDaemonBehindALostEnd: all servers lose what they had not synced, and before a daemon, which stood still
// meanwhile, appends anything another has stored more than that: the daemon, whose state is no other's, ends.
func TestDaemonBehindALostEnd(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) ([]*queuetest.Server, string){
		"one server": func(t *testing.T) ([]*queuetest.Server, string) {
			s := queuetest.StartServer(t)
			return []*queuetest.Server{s}, s.URL
		},
		"three servers": func(t *testing.T) ([]*queuetest.Server, string) {
			c := queuetest.StartCluster(t, 3)
			return c.Servers, c.URL()
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "three servers" && os.Getenv("OTPGW_TEST_FULL") == "" {
				t.Skip("it waits for elections, half a minute of them: `make full` runs it")
			}
			t.Parallel()
			servers, url := start(t)
			l := &lostEnd{T: t, servers: servers}
			m := startMember(t, "paused", url, len(servers), 64<<20)
			l.keep()
			m.tell(t, "fill")
			had := l.last(url)
			must(t, syscall.Kill(m.cmd.Process.Pid, syscall.SIGSTOP))
			l.setBack()

			other := queuetest.Open(t, queuetest.URL(url), queuetest.Replicas(len(servers)))
			if from := l.last(url); from >= had {
				t.Fatalf("nothing is lost: the log went to %d, and goes to %d", had, from)
			}
			for i := 0; i%50 > 0 || l.last(url) <= had+50; i++ { // it may have had more under way
				_, err := other.Records().Put(within(t, 30*time.Second), fmt.Sprint("other", i), []byte("v"), time.Hour)
				must(t, err)
			}
			must(t, syscall.Kill(m.cmd.Process.Pid, syscall.SIGCONT))
			await.That(t, "the daemon ends", func() bool { return m.heard("the stream has lost what this process has applied") })
			_, err := other.Records().Put(within(t, 30*time.Second), "after", []byte("v"), time.Hour)
			must(t, err)
		})
	}
}
