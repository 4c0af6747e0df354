package queue_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// Variables that make the test binary one of several daemons on a cluster.
const (
	memberURL   = "OTPGW_QUEUE_MEMBER"
	memberName  = "OTPGW_QUEUE_MEMBER_NAME"
	memberEvery = "OTPGW_QUEUE_MEMBER_EVERY" // Options.SnapshotEvery
	memberCopy  = "OTPGW_QUEUE_MEMBER_COPIES"
)

// member is such a daemon, in a process of its own, so that it can be killed and paused. It does what it reads
// a line of, and says a line of each thing that it does.
type member struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	over  chan struct{} // closed when it has said its last

	mu   sync.Mutex
	said []string
}

// beMember is that process.
func beMember() {
	every, err := strconv.ParseInt(os.Getenv(memberEvery), 10, 64)
	if err != nil {
		panic(err)
	}
	copies, err := strconv.Atoi(os.Getenv(memberCopy))
	if err != nil {
		panic(err)
	}
	name := os.Getenv(memberName)
	q, err := queue.Open(context.Background(), queue.Options{URL: os.Getenv(memberURL), Replicas: copies, SnapshotEvery: every, SnapshotLease: 10 * time.Second,
		Routes: []string{queuetest.Route}, Log: zerolog.New(os.Stdout).Level(zerolog.WarnLevel)})
	if err != nil {
		fmt.Println("not opened:", err)
		os.Exit(1)
	}
	q.Control().Watch(func(key, _ string, gone bool) {
		if v := q.ViewState(); !gone {
			go func() {
				position, sum, err := v.Hash()
				fmt.Println("sum", key, position, sum, err)
			}()
		}
	})
	fmt.Println("ready")
	l := load{q: q, name: name}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch verb, rest, _ := strings.Cut(lines.Text(), " "); verb {
		case "fill":
			l.fill()
		case "write":
			l.start()
		case "rest":
			l.stop()
		case "sum":
			_, err = q.Control().Put(context.Background(), rest, nil, time.Minute)
			fmt.Println("asked", rest, err)
		case "dump":
			l.dump()
		}
		fmt.Println("done", lines.Text())
	}
}

// What is there before.
const (
	fillKeys = 200
	fillSize = 16 << 10
)

// load is what a member writes.
type load struct {
	q    *queue.Queue
	name string
	turn int
	done chan struct{}
	all  sync.WaitGroup
}

// fill makes a state that takes many pieces of a snapshot.
func (l *load) fill() {
	for i := range fillKeys {
		value := make([]byte, fillSize)
		_, _ = rand.Read(value)
		for {
			if _, err := l.q.Records().Put(context.Background(), fmt.Sprint("filling", i), value, time.Hour); err == nil {
				break
			}
		}
	}
}

// start creates keys that nobody else does, and keys that the others want too, and says of each how it went.
func (l *load) start() {
	l.turn++
	l.done = make(chan struct{})
	for n := range 4 {
		l.all.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%s-%d-%d-%d", l.name, l.turn, n, i)
				if n == 0 {
					key = fmt.Sprintf("all-%d-%d", l.turn, i)
				}
				l.create(key)
				select {
				case <-l.done:
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	}
	l.all.Go(l.churn)
}

// churn has the log grow, and not the state: snapshots stay due soon, however long it takes.
func (l *load) churn() {
	for i := 0; ; i++ {
		value := make([]byte, fillSize/2)
		_, _ = rand.Read(value)
		_, _ = l.q.Records().Put(queue.Impatient(context.Background()), fmt.Sprint("filling", i%fillKeys), value, time.Hour)
		select {
		case <-l.done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (l *load) create(key string) {
	value := make([]byte, 64)
	_, _ = rand.Read(value)
	copy(value, l.name+" ")
	_, err := l.q.Records().Create(queue.Impatient(context.Background()), key, value, time.Hour)
	outcome := "refused"
	switch {
	case err == nil:
		outcome = "stored"
	case errors.Is(err, queue.ErrConflict):
		outcome = "taken"
	case errors.Is(err, queue.ErrUnknown):
		outcome = "unknown"
	}
	fmt.Println(outcome, key)
}

func (l *load) stop() {
	close(l.done)
	l.all.Wait()
}

// dump says who made each key.
func (l *load) dump() {
	var all strings.Builder
	err := l.q.Records().Each(context.Background(), func(key string, value []byte) bool {
		maker, _, _ := strings.Cut(string(value), " ")
		if !strings.HasPrefix(key, "filling") {
			fmt.Fprintln(&all, "has", key, maker)
		}
		return true
	})
	fmt.Print(all.String())
	if err != nil {
		fmt.Println("not all:", err)
	}
}

func startMember(t *testing.T, name, url string, copies int, every int64) *member {
	t.Helper()
	m := &member{name: name, cmd: exec.Command(os.Args[0]), over: make(chan struct{})}
	m.cmd.Env = append(os.Environ(), memberURL+"="+url, memberName+"="+name, memberEvery+"="+fmt.Sprint(every), memberCopy+"="+strconv.Itoa(copies))
	m.cmd.Stderr = os.Stderr
	var err error
	m.stdin, err = m.cmd.StdinPipe()
	must(t, err)
	out, err := m.cmd.StdoutPipe()
	must(t, err)
	must(t, m.cmd.Start())
	go func() {
		defer close(m.over)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			m.mu.Lock()
			m.said = append(m.said, lines.Text())
			m.mu.Unlock()
		}
	}()
	t.Cleanup(m.kill)
	m.await(t, "ready")
	return m
}

func (m *member) kill() {
	_ = m.cmd.Process.Kill()
	<-m.over
	_ = m.cmd.Wait()
}

// lines are those of what was said that begin so.
func (m *member) lines(prefix string) (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, line := range m.said {
		if strings.HasPrefix(line, prefix) {
			list = append(list, line)
		}
	}
	return list
}

// heard tells whether it has logged something.
func (m *member) heard(text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, line := range m.said {
		if strings.HasPrefix(line, "{") && strings.Contains(line, text) {
			return true
		}
	}
	return false
}

func (m *member) await(t *testing.T, line string) {
	t.Helper()
	if !await.Within(2*await.Patience, func() bool { return len(m.lines(line)) > 0 }) {
		m.mu.Lock()
		defer m.mu.Unlock()
		t.Fatalf("%s does not say %q; its last: %q", m.name, line, m.said[max(0, len(m.said)-20):])
	}
}

// tell has it do something, and waits until it has.
func (m *member) tell(t *testing.T, line string) {
	t.Helper()
	before := len(m.lines("done " + line))
	_, err := fmt.Fprintln(m.stdin, line)
	must(t, err)
	if !await.Within(2*await.Patience, func() bool { return len(m.lines("done "+line)) > before }) {
		t.Fatalf("%s has not done %q", m.name, line)
	}
}
