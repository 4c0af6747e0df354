package queue_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// said is when each line with a text was logged.
type said struct {
	text string

	mu    sync.Mutex
	lines []string
	times []time.Time
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if line := string(p); strings.Contains(line, s.text) {
		s.lines, s.times = append(s.lines, line), append(s.times, time.Now())
	}
	return len(p), nil
}

// await returns the first n lines, and the shortest time between two.
func (s *said) await(t *testing.T, n int) (lines []string, between time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		s.mu.Lock()
		lines, times := s.lines, s.times
		s.mu.Unlock()
		if len(lines) < n {
			continue
		}
		between = time.Hour
		for i := range n - 1 {
			between = min(between, times[i+1].Sub(times[i]))
		}
		return lines[:n], between
	}
	t.Fatalf("%q was not said %d times", s.text, n)
	return nil, 0
}

// opening opens a queue in the background.
func opening(t *testing.T, log *said, url string) (opened chan error, cancel func()) {
	o := queuetest.Options(t, queuetest.URL(url))
	o.Log = zerolog.New(log)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	opened = make(chan error, 1)
	go func() {
		q, err := queue.Open(ctx, o)
		if err == nil {
			err = q.Close(context.Background())
		}
		opened <- err
	}()
	return opened, cancel
}

// TestAbsentServerIsWaitedFor: a start without NATS says every five seconds what it waits for, without the
// password, and goes on once it is there.
func TestAbsentServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := queuetest.StartServer(t)
	s.Stop()
	address := strings.TrimPrefix(s.URL, "nats://")
	log := &said{text: "waiting for a NATS server"}
	opened, cancel := opening(t, log, "nats://name:secret@"+address)
	defer cancel()
	lines, between := log.await(t, 2)
	if between < 4*time.Second {
		t.Errorf("said again after %s", between)
	}
	for _, l := range lines {
		if !strings.Contains(l, address) || strings.Contains(l, "secret") {
			t.Errorf("it said %s", l)
		}
	}
	s.Restart(t)
	if err := <-opened; err != nil {
		t.Errorf("with the server there: %v", err)
	}
}

// TestLeaderlessClusterIsWaitedFor: so does one at a cluster of which too few are there to choose a leader.
func TestLeaderlessClusterIsWaitedFor(t *testing.T) {
	t.Parallel()
	cluster := queuetest.StartCluster(t, 3)
	for _, s := range cluster.Servers[1:] {
		s.Kill()
	}
	log := &said{text: "waiting for the NATS server's JetStream"}
	opened, cancel := opening(t, log, cluster.Servers[0].URL)
	if _, between := log.await(t, 2); between < 4*time.Second {
		t.Errorf("said again after %s", between)
	}
	cancel()
	if err := <-opened; err == nil {
		t.Error("it opened")
	}
}

// TestNewerLayoutStays: a daemon leaves a stream as a newer version has set it up, and sets up what an older
// one, or one that said nothing, left.
func TestNewerLayoutStays(t *testing.T) {
	t.Parallel()
	url := queuetest.External(t)
	queuetest.Close(t, queuetest.Open(t, queuetest.URL(url)))
	nc, err := nats.Connect(url)
	must(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(t, err)
	ctx := within(t, 60*time.Second)
	const streams = "LOG KV_token DLQ"
	for layout, stays := range map[string]bool{"1000": true, "0": false, "": false} {
		ours := make(map[string]int64)
		for _, name := range strings.Fields(streams) {
			s, err := js.Stream(ctx, name)
			must(t, err)
			c := s.CachedInfo().Config
			ours[name] = c.MaxBytes
			c.MaxBytes *= 2
			c.Metadata = map[string]string{"otpgw-layout": layout}
			_, err = js.UpdateStream(ctx, c)
			must(t, err)
		}
		queuetest.Close(t, queuetest.Open(t, queuetest.URL(url)))
		for name, before := range ours {
			s, err := js.Stream(ctx, name)
			must(t, err)
			c := s.CachedInfo().Config
			if (c.MaxBytes == 2*before) != stays {
				t.Errorf("layout %q: %s has %d octets, was %d", layout, name, c.MaxBytes, before)
			}
			if stays { // for the next
				c.MaxBytes, c.Metadata = before, nil
				_, err = js.UpdateStream(ctx, c)
				must(t, err)
			}
		}
	}
}
