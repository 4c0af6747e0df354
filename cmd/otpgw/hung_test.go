package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/queuetest/standstill"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// Bounds of TestHungNode, with room for a machine that is busy.
const (
	answeredWithin = 2 * time.Second         // what is asked while a node hangs
	hangsFor       = 4 * time.Second         // after it was found out
	busy           = 1500 * time.Millisecond // what the machine may add,
	busyTimes      = 5                       // and so many times what the slowest request took before the fault
)

// asked is one request of the load.
type asked struct {
	begun  time.Time
	took   time.Duration
	path   string
	status int
	retry  string // Retry-After
}

// steady asks for OTPs, and guesses, from several callers until it is stopped.
type steady struct {
	mu   sync.Mutex
	all  []asked
	wg   sync.WaitGroup
	done chan struct{}
}

func startSteady(t *testing.T, base, otpID string) *steady {
	c := hasty(t)
	s := &steady{done: make(chan struct{})}
	for n := range 6 {
		s.wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-s.done:
					return
				case <-time.After(20 * time.Millisecond):
				}
				path, body := "/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(1000+n*10_000+i))
				if n == 0 {
					path, body = "/otp/"+otpID, `{"pin":"no"}`
				}
				begun := time.Now()
				a, err := call(c, "POST", base+path, body)
				if err != nil {
					t.Errorf("no answer: %v", err)
					return
				}
				s.mu.Lock()
				s.all = append(s.all, asked{begun, time.Since(begun), path, a.status, a.header.Get("Retry-After")})
				s.mu.Unlock()
			}
		})
	}
	return s
}

// stop returns what was asked since a time, and what the machine may add to it: how busy it is, the requests
// of before tell.
func (s *steady) stop(since time.Time) (list []asked, noise time.Duration) {
	close(s.done)
	s.wg.Wait()
	slowest := time.Duration(0)
	for _, a := range s.all {
		if a.begun.Add(a.took).After(since) {
			list = append(list, a)
		} else {
			slowest = max(slowest, a.took)
		}
	}
	return list, busy + busyTimes*slowest
}

// accepts tells whether so many of the last two seconds were accepted; on a quiet machine 400 are.
func (s *steady) accepts(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := time.Now().Add(-2 * time.Second)
	for _, a := range s.all {
		if a.status == http.StatusCreated && a.begun.After(since) {
			n--
		}
	}
	return n <= 0
}

// outage is the longest time without a 201.
func outage(list []asked, since time.Time) (longest time.Duration) {
	last := since
	for i, a := range list { // in the order of their answers
		at := a.begun.Add(a.took)
		if a.status == http.StatusCreated || i == len(list)-1 {
			longest, last = max(longest, at.Sub(last)), at
		}
	}
	return longest
}

// TestHungNode: one NATS server of three stops as it stands. When it leads nothing that costs less than two
// seconds, also when the daemon writes to it and reads from it, and also when it is the one that would make
// another consumer; when it leads the log it costs no more than the cluster takes to choose another. What is
// asked meanwhile is answered in two seconds, with 201 or with 503 and Retry-After; and then the rate is what
// it was, with the server still hanging.
func TestHungNode(t *testing.T) {
	cluster := queuetest.StartCluster(t, 3)
	for name, place := range map[string]func(*testing.T, *queuetest.Cluster) *queuetest.Server{
		"it leads nothing":          func(t *testing.T, c *queuetest.Cluster) *queuetest.Server { return follower(t, c, false) },
		"it leads the cluster only": func(t *testing.T, c *queuetest.Cluster) *queuetest.Server { return follower(t, c, true) },
		"it leads the log":          nil,
	} {
		t.Run(name, func(t *testing.T) {
			first := cluster.Servers[0]
			if place != nil {
				first = place(t, cluster)
			}
			d, c := startOnCluster(t, cluster, first)
			awaitAll(t, cluster)
			var o created
			mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+46700000001","ttl":1800}`, 201).json(t, &o)
			hung := first
			if place != nil {
				keepOffLog(t, cluster, hung)
			} else {
				hung = cluster.Leader(t, "LOG")
			}
			stood := standstill.Watch(t)
			s := startSteady(t, d.HTTP, o.OtpID)
			time.Sleep(time.Second) // of the load as it is without a fault
			sendSignal(t, hung, syscall.SIGSTOP)
			defer sendSignal(t, hung, syscall.SIGCONT)
			since := time.Now()
			election := time.Duration(0)
			if place == nil {
				election = elected(t, cluster, hung, since)
			}
			time.Sleep(time.Until(since.Add(election + hangsFor))) // how long it hangs is what is tested
			await.That(t, "OTPs are accepted at a rate, with the server still hanging", func() bool { return s.accepts(10) })
			list, noise := s.stop(since)
			sendSignal(t, hung, syscall.SIGCONT)
			tellHung(t, list, since, election, noise+stood())
		})
	}
}

// startOnCluster starts a daemon that knows a server as the first.
func startOnCluster(t *testing.T, cluster *queuetest.Cluster, first *queuetest.Server) (*process, *http.Client) {
	t.Helper()
	urls := []string{first.URL}
	for _, s := range cluster.Servers {
		if s != first {
			urls = append(urls, s.URL)
		}
	}
	return startDaemon(t, env(t.TempDir(), startSMSC(t, smsc.Config{}).Addr(), map[string]string{
		"OTPGW_NATS_URL": strings.Join(urls, ","), "OTPGW_NATS_REPLICAS": "3", "OTPGW_APP_SHOP_SEND_LIMITS": "off", "OTPGW_APP_SHOP_GUARD": "off",
		"OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
	})), client(t)
}

// follower is a server that leads the cluster, or one that does not.
func follower(t *testing.T, cluster *queuetest.Cluster, leads bool) *queuetest.Server {
	t.Helper()
	var found *queuetest.Server
	await.That(t, fmt.Sprintf("a server whose leading is %v", leads), func() bool {
		at := slices.IndexFunc(cluster.Servers, func(s *queuetest.Server) bool { return s.LeadsCluster(t) == leads })
		if at >= 0 {
			found = cluster.Servers[at]
		}
		return at >= 0
	})
	return found
}

// keepOffLog has a server lead no stream, and the log read from it all the same.
func keepOffLog(t *testing.T, cluster *queuetest.Cluster, s *queuetest.Server) {
	t.Helper()
	js := others(t, cluster, nil)
	name, other := "", ""
	for i, one := range cluster.Servers {
		if one == s {
			name = fmt.Sprint("n", i)
		} else {
			other = fmt.Sprint("n", i)
		}
	}
	await.That(t, name+" leads no stream, and the log is read from it", func() bool {
		return leadsNoStream(t, js, name, other) && isRead(t, js, name)
	})
}

// leadsNoStream asks for another leader of each stream that a server leads.
func leadsNoStream(t *testing.T, js jetstream.JetStream, name, other string) bool {
	none := true
	for info := range js.ListStreams(t.Context()).Info() {
		if info.Cluster == nil || info.Cluster.Leader != "" && info.Cluster.Leader != name {
			continue
		}
		none = false
		_, _ = js.Conn().Request("$JS.API.STREAM.LEADER.STEPDOWN."+info.Config.Name, fmt.Appendf(nil, `{"placement":{"preferred":%q}}`, other), time.Second)
	}
	return none
}

// isRead removes each consumer of the log that is elsewhere, so that its reader makes another.
func isRead(t *testing.T, js jetstream.JetStream, name string) bool {
	log, err := js.Stream(t.Context(), "LOG")
	if err != nil {
		return false
	}
	there := false
	for info := range log.ListConsumers(t.Context()).Info() {
		if info.Cluster != nil && info.Cluster.Leader == name {
			there = true
			continue
		}
		_ = js.DeleteConsumer(t.Context(), "LOG", info.Name)
	}
	return there
}

// tellHung judges what was asked since a server hung, on a machine that may add so much to each time.
func tellHung(t *testing.T, list []asked, since time.Time, election, noise time.Duration) {
	t.Helper()
	slowest, refused := time.Duration(0), 0
	for _, a := range list {
		slowest = max(slowest, a.took)
		if a.took > answeredWithin {
			t.Logf("%s took %s: %d, %s after the server hung", a.path, a.took, a.status, a.begun.Sub(since))
		}
		switch {
		case a.status == http.StatusServiceUnavailable && a.retry != "":
			refused++
		case a.status >= 500:
			t.Errorf("%d, Retry-After %q", a.status, a.retry)
		}
	}
	longest := outage(list, since)
	t.Logf("%d requests, %d refused; the slowest took %s; the longest time without a 201 was %s, the election %s; the machine adds %s at most",
		len(list), refused, slowest.Round(time.Millisecond), longest.Round(time.Millisecond), election.Round(time.Millisecond), noise.Round(time.Millisecond))
	if slowest > answeredWithin+noise {
		t.Errorf("a request took %s", slowest)
	}
	if most := max(answeredWithin, election) + noise; longest > most {
		t.Errorf("nothing was accepted for %s, at most %s is right", longest, most)
	}
}

func sendSignal(t *testing.T, s *queuetest.Server, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(s.Pid(), sig); err != nil {
		t.Fatal(err)
	}
}

// others is a connection to the servers that do not hang.
func others(t *testing.T, cluster *queuetest.Cluster, hung *queuetest.Server) jetstream.JetStream {
	t.Helper()
	var urls []string
	for _, s := range cluster.Servers {
		if s != hung {
			urls = append(urls, s.URL)
		}
	}
	nc, err := nats.Connect(strings.Join(urls, ","))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(300*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// elected waits until another server leads the log, as somebody sees it who asks the others all the time.
func elected(t *testing.T, cluster *queuetest.Cluster, hung *queuetest.Server, since time.Time) time.Duration {
	t.Helper()
	js := others(t, cluster, hung)
	was := ""
	for i, s := range cluster.Servers {
		if s == hung {
			was = fmt.Sprint("n", i)
		}
	}
	await.That(t, "another server leads the log", func() bool {
		s, err := js.Stream(t.Context(), "LOG")
		if err != nil {
			return false
		}
		c := s.CachedInfo().Cluster
		return c != nil && c.Leader != "" && c.Leader != was
	})
	return time.Since(since)
}

// awaitAll waits until all copies of the log are up to date again.
func awaitAll(t *testing.T, cluster *queuetest.Cluster) {
	t.Helper()
	js := others(t, cluster, nil)
	await.That(t, "the cluster is whole again", func() bool {
		s, err := js.Stream(t.Context(), "LOG")
		if err != nil || s.CachedInfo().Cluster == nil {
			return false
		}
		current := 0
		for _, r := range s.CachedInfo().Cluster.Replicas {
			if r.Current && !r.Offline {
				current++
			}
		}
		return current == 2
	})
}
