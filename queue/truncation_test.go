//go:build unix

package queue_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// truncation is a cluster on which several daemons write, and its log is truncated all the time.
type truncation struct {
	*testing.T
	cluster *queuetest.Cluster
	js      jetstream.JetStream
	way     *tap
	all     []*member // that ever were
	sums    int
}

// TestTruncationInACluster: three daemons write on three servers with three copies, and snapshots are written
// of little, so that the log's beginning goes again and again. The daemon that writes one is killed, servers
// are, a daemon stands still until its place is gone, one comes late: nothing that was answered is lost,
// nothing that was refused is there, all have the same state, and log and snapshots stay small.
func TestTruncationInACluster(t *testing.T) {
	if os.Getenv("OTPGW_TEST_FULL") == "" {
		t.Skip("it waits for leases and elections, a minute and a half of them: `make full` runs it")
	}
	t.Parallel()
	c := &truncation{T: t, cluster: queuetest.StartCluster(t, 3)}
	nc, err := nats.Connect(c.cluster.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	must(t, err)
	t.Cleanup(nc.Close)
	c.js, err = jetstream.New(nc)
	must(t, err)

	c.way = newTap(t, strings.TrimPrefix(c.cluster.Servers[0].URL, "nats://"))
	first := c.join("first", c.way.url(), 256<<10)
	first.tell(t, "fill")
	second := c.join("second", c.cluster.URL(), 2<<20)
	third := c.join("third", c.cluster.URL(), 2<<20)

	c.killedOverASnapshot(first)
	late := c.join("late", c.way.url(), 256<<10)
	c.alike(second, third, late)
	c.standsStill(third)
	c.alike(second, third, late)
	c.serverKilled("$O.LOG.C.", "OBJ_LOG")
	c.serverKilled("$JS.API.STREAM.PURGE.LOG", "LOG")
	for _, m := range []*member{second, third, late} {
		m.tell(t, "rest")
	}
	c.alike(second, third, late)
	c.asAnswered(second)
	c.small()
}

// join starts a daemon, which begins to write.
func (c *truncation) join(name, url string, every int64) *member {
	c.Helper()
	m := startMember(c.T, name, url, len(c.cluster.Servers), every)
	c.all = append(c.all, m)
	if name != "first" {
		m.tell(c.T, "write")
	}
	return m
}

// state is that of a stream.
func (c *truncation) state(stream string) jetstream.StreamState {
	c.Helper()
	var info *jetstream.StreamInfo
	told := await.Within(3*await.Patience, func() bool { // of a leader, which has to be elected where a server was killed
		ctx, cancel := context.WithTimeout(c.Context(), 2*time.Second)
		defer cancel()
		s, err := c.js.Stream(ctx, stream)
		if err == nil {
			info, err = s.Info(ctx, jetstream.WithSubjectFilter(">"))
		}
		return err == nil
	})
	if !told {
		c.Fatalf("%s does not tell its state", stream)
	}
	return info.State
}

// truncatedFrom waits until the log begins behind a position.
func (c *truncation) truncatedFrom(position uint64) {
	c.Helper()
	if !await.Within(3*await.Patience, func() bool { return c.state("LOG").FirstSeq > position }) {
		c.Fatalf("the log begins at %d still, and should begin behind %d", c.state("LOG").FirstSeq, position)
	}
}

// killedOverASnapshot: another daemon writes one when the lease is over, and the pieces of the first go.
func (c *truncation) killedOverASnapshot(m *member) {
	c.Helper()
	stood, goOn := c.way.stopAt("$O.LOG.C.")
	m.tell(c.T, "write")
	c.stands(stood, "a piece of a snapshot")
	m.kill()
	goOn()
	c.truncatedFrom(c.state("LOG").LastSeq)
}

func (c *truncation) stands(stood <-chan struct{}, what string) {
	c.Helper()
	select {
	case <-stood:
	case <-time.After(2 * await.Patience):
		c.Fatalf("%s is not sent", what)
	}
}

// standsStill: what the daemon had under way has a right outcome, which asAnswered looks at.
func (c *truncation) standsStill(m *member) {
	c.Helper()
	must(c.T, syscall.Kill(m.cmd.Process.Pid, syscall.SIGSTOP))
	defer func() { _ = syscall.Kill(m.cmd.Process.Pid, syscall.SIGCONT) }()
	c.truncatedFrom(c.state("LOG").LastSeq)
	must(c.T, syscall.Kill(m.cmd.Process.Pid, syscall.SIGCONT))
	await.That(c.T, "it takes the snapshot", func() bool { return m.heard("its state is that of the snapshot") })
}

// serverKilled: the server that leads a stream is killed when the daemon has just sent something of its
// truncation; then the log is truncated all the same.
func (c *truncation) serverKilled(over, leads string) {
	c.Helper()
	stood, goOn := c.way.stopAt(over)
	c.stands(stood, over)
	server := c.cluster.Leader(c.T, leads)
	server.Kill()
	goOn()
	c.truncatedFrom(c.state("LOG").LastSeq)
	server.Restart(c.T)
}

// alike wants the states of daemons to be equal at one position.
func (c *truncation) alike(members ...*member) {
	c.Helper()
	c.sums++
	line := fmt.Sprint("sum ", c.sums)
	await.That(c.T, "the states are summed up", func() bool {
		members[0].tell(c.T, line)
		return slices.Contains(members[0].lines("asked"), fmt.Sprintf("asked %d <nil>", c.sums))
	})
	said := make(map[string]int)
	for _, m := range members {
		m.await(c.T, line+" ")
		for _, one := range m.lines(line + " ") {
			said[one]++
		}
	}
	for one, n := range said {
		if n != len(members) || !strings.HasSuffix(one, "<nil>") {
			c.Errorf("%d of %d daemons: %s", n, len(members), one)
		}
	}
	if len(said) == 0 {
		c.Error("nobody has said anything")
	}
}

// asAnswered compares what a daemon has with what all were answered.
func (c *truncation) asAnswered(m *member) {
	c.Helper()
	m.tell(c.T, "dump")
	has := make(map[string]string)
	for _, line := range m.lines("has ") {
		f := strings.Fields(line)
		has[f[1]] = f[2]
	}
	count := make(map[string]int)
	for _, one := range c.all {
		for outcome, right := range map[string]func(maker string) bool{
			"stored":  func(maker string) bool { return maker == one.name },
			"refused": func(maker string) bool { return maker != one.name },
			"taken":   func(maker string) bool { return maker != one.name && maker != "" },
			"unknown": func(string) bool { return true },
		} {
			for _, line := range one.lines(outcome + " ") {
				count[outcome]++
				if _, key, _ := strings.Cut(line, " "); !right(has[key]) {
					c.Errorf("%s heard %q, and it is %q's", one.name, line, has[key])
				}
			}
		}
	}
	c.Logf("%d keys; %v", len(has), count)
	if count["stored"] < 500 {
		c.Errorf("%d were stored: the test is too small", count["stored"])
	}
}

// small wants the log and its snapshots to be bounded, and nothing left of those that were replaced.
func (c *truncation) small() {
	c.Helper()
	const most = 4 << 20 // a sixth of the state, what comes during a snapshot, and an election
	await.That(c.T, "log and snapshots are small", func() bool {
		objects := c.state("OBJ_LOG")
		pieces, entries := 0, 0
		for subject := range objects.Subjects {
			if strings.HasPrefix(subject, "$O.LOG.C.") {
				pieces++
			} else {
				entries++
			}
		}
		return c.state("LOG").Bytes < most && pieces <= 3 && entries <= 1
	})
	c.Logf("log %d octets, snapshots %d", c.state("LOG").Bytes, c.state("OBJ_LOG").Bytes)
}
