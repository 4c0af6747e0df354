package callback

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestKeptConnectionsThatDiedInSilence: something between forgot all connections and says nothing of it (a
// firewall that was restarted), while new ones work. The second try goes over a new one, however many old ones
// are still kept.
func TestKeptConnectionsThatDiedInSilence(t *testing.T) {
	type born struct{}
	var epoch, kept, came atomic.Int64
	both, end := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch {
		case r.Context().Value(born{}).(int64) < epoch.Load():
			<-end
		case epoch.Load() > 0:
			came.Add(1)
		case kept.Add(1) == 2: // so that there are two connections
			close(both)
		default:
			<-both
		}
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, born{}, epoch.Load())
	}
	server.Start()
	defer server.Close()
	defer close(end)
	q := queuetest.Open(t)
	o := options(t, q)
	o.Log, o.Timeout, o.Schedule = quiet, 300*time.Millisecond, []time.Duration{0, 10 * time.Millisecond, time.Hour}
	d, _ := start(t, o)
	var warm sync.WaitGroup
	for range 2 {
		warm.Go(func() {
			if a, err := d.sender.post(t.Context(), server.URL, "demo", "msg_1", []byte("{}"), "", false); err != nil || a.status != 200 {
				t.Errorf("%d, %v", a.status, err)
			}
		})
	}
	warm.Wait()
	epoch.Store(1)
	publish(t, q, event(server.URL, "o1", 1))
	empty(t, q)
	if came.Load() != 1 {
		t.Errorf("the callback came %d times", came.Load())
	}
}

// TestBodyThatNeverEnds: the status was the answer. What the receiver writes behind it, or does not, keeps
// nobody.
func TestBodyThatNeverEnds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, ".")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}))
	defer server.Close()
	s := newSender(&Options{Egress: loopback, Secrets: testSecrets, Timeout: 30 * time.Second, Now: time.Now}, "otpgw")
	defer s.close()
	begun := time.Now()
	a, err := s.post(context.Background(), server.URL, "app", "msg_1", []byte("{}"), "", false)
	if took := time.Since(begun); err != nil || a.status != 200 || took > 10*time.Second {
		t.Errorf("%d, %v, after %s", a.status, err, took)
	}
}

// TestSwitchedProtocolHoldsNoLane: a receiver that answers 101 has left HTTP, and says nothing more. That is a
// try that failed, and no try that lasts for ever.
func TestSwitchedProtocolHoldsNoLane(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	end := make(chan struct{})
	defer close(end)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.Copy(io.Discard, req.Body)
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		}
		<-end
	}()
	s := newSender(&Options{Egress: loopback, Secrets: testSecrets, Timeout: time.Second, Now: time.Now}, "otpgw")
	defer s.close()
	done := make(chan answer, 1)
	go func() {
		a, _ := s.post(context.Background(), "http://"+ln.Addr().String(), "app", "msg_1", []byte("{}"), "", false)
		done <- a
	}()
	select {
	case a := <-done:
		if a.status != http.StatusSwitchingProtocols {
			t.Errorf("status %d", a.status)
		}
	case <-time.After(20 * time.Second):
		t.Error("the try has not ended")
	}
}
