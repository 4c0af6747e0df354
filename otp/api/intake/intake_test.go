package intake

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server whose callers show themselves by a header, with room for so many connections. /wait
// answers when the test lets it.
func serve(t *testing.T, most int) (l *Listener, let chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	let = make(chan struct{})
	l = Listen(ln, most)
	s := &http.Server{Handler: CloseFramedTwice(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Key") != "" {
			Know(r.Context())
		}
		if r.URL.Path == "/wait" {
			<-let
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}))}
	l.Attach(s)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return l, let
}

type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, l *Listener) client {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return client{c, bufio.NewReader(c)}
}

func (c client) send(t *testing.T, request string) {
	t.Helper()
	if _, err := io.WriteString(c, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
}

// answer reads an answer whole, and says whether the server goes on after it.
func (c client) answer(t *testing.T) (status int, stays bool) {
	t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode, !resp.Close
}

// closed waits for the end of the connection.
func (c client) closed() bool {
	_, err := c.r.ReadByte()
	return err != nil && !strings.Contains(err.Error(), "timeout")
}

const (
	stranger = "GET / HTTP/1.1\nHost: a\n\n"
	caller   = "GET / HTTP/1.1\nHost: a\nKey: k\n\n"
	waiting  = "GET /wait HTTP/1.1\nHost: a\nKey: k\n\n"
)

// strangersOpen is how many connections have no known caller.
func (l *Listener) strangersOpen() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.strangers.Len()
}

// callersIdle is how many connections have a known caller who waits for nothing.
func (l *Listener) callersIdle() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.callers.Len()
}

// TestStrangersGoFirst: at the bound the stranger that is quiet longest goes, then the caller that is; a
// caller at work never.
func TestStrangersGoFirst(t *testing.T) {
	l, let := serve(t, 4)
	working, idle, first, second := dial(t, l), dial(t, l), dial(t, l), dial(t, l)
	working.send(t, waiting)
	await.That(t, "the request that waits has begun", func() bool {
		open, _ := l.Open()
		return open == 4 && l.strangersOpen() == 3
	})
	for _, c := range []struct {
		client
		request string
	}{{idle, caller}, {first, stranger}, {second, stranger}, {first, stranger}} { // first was heard of last
		c.send(t, c.request)
		if status, _ := c.answer(t); status != 200 {
			t.Fatal(status)
		}
		await.That(t, "the server is done with the caller's request", func() bool { return l.callersIdle() == 1 })
	}
	var last client
	for i, victim := range []client{second, first, idle} {
		if last = dial(t, l); i < 2 {
			last.send(t, caller)
			if status, _ := last.answer(t); status != 200 {
				t.Fatal(status)
			}
			await.That(t, "the server is done with the caller's request", func() bool { return l.callersIdle() == 2+i })
		}
		if !victim.closed() {
			t.Errorf("connection %d is still open", i)
		}
	}
	if open, evicted := l.Open(); open != 4 || evicted != 3 {
		t.Errorf("%d open, %d closed for others", open, evicted)
	}
	close(let)
	if status, stays := working.answer(t); status != 200 || !stays {
		t.Errorf("the caller at work: %d, %v", status, stays)
	}
}

// TestFloodOfStrangers: ten times as many connections as there is room for, all kept; a caller gets its
// answers all the while.
func TestFloodOfStrangers(t *testing.T) {
	const room = 50
	l, _ := serve(t, room)
	good := dial(t, l)
	for i := range 10 * room {
		dial(t, l)
		if i%25 == 0 {
			good.send(t, caller)
			if status, stays := good.answer(t); status != 200 || !stays {
				t.Fatalf("after %d strangers: %d, %v", i, status, stays)
			}
		}
	}
	if open, _ := l.Open(); open > room {
		t.Errorf("%d open, there is room for %d", open, room)
	}
}

// TestFramedTwice: answered, and the connection is closed, however the two headers are written and wherever
// the octets are cut.
func TestFramedTwice(t *testing.T) {
	l, _ := serve(t, 100)
	const body = "\n5\nhello\n0\n\n"
	for name, test := range map[string]struct {
		request string
		stays   bool
	}{
		"plain":              {"POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello", true},
		"chunked":            {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n" + body, true},
		"both":               {"POST / HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding: chunked\n" + body, false},
		"the other way":      {"POST / HTTP/1.1\nHost: a\nTRANSFER-ENCODING: chunked\ncONTENT-lENGTH: 40\n" + body, false},
		"HTTP/1.0 kept":      {"POST / HTTP/1.0\nConnection: keep-alive\nContent-Length: 5\n\nhello", true},
		"HTTP/1.0 with both": {"POST / HTTP/1.0\nConnection: keep-alive\nContent-Length: 5\nTransfer-Encoding: chunked\n\nhello", false},
	} {
		c := dial(t, l)
		for part := range strings.SplitAfterSeq(test.request, "e") {
			c.send(t, part)
		}
		if status, stays := c.answer(t); status != 200 || stays != test.stays {
			t.Errorf("%s: %d, stays %v", name, status, stays)
		}
		if !test.stays && !c.closed() {
			t.Errorf("%s: the connection is open", name)
		}
	}
}

// TestFramedTwiceOverTLS: what is encrypted is not seen, so what may be framed twice counts as if it were.
func TestFramedTwiceOverTLS(t *testing.T) {
	s := httptest.NewTLSServer(CloseFramedTwice(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })))
	defer s.Close()
	const chunks = "\n5\nhello\n0\n\n"
	for name, test := range map[string]struct {
		request string
		stays   bool
	}{
		"plain":              {"POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello", true},
		"both":               {"POST / HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding: chunked\n" + chunks, false},
		"HTTP/1.0 with both": {"POST / HTTP/1.0\nConnection: keep-alive\nContent-Length: 5\nTransfer-Encoding: chunked\n\nhello", false},
		"HTTP/1.0, chunked":  {"POST / HTTP/1.0\nConnection: keep-alive\nTransfer-Encoding: chunked\n" + chunks, false},
	} {
		conn, err := tls.Dial("tcp", s.Listener.Addr().String(), s.Client().Transport.(*http.Transport).TLSClientConfig)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		c := client{conn, bufio.NewReader(conn)}
		c.send(t, test.request)
		if status, stays := c.answer(t); status != 200 || stays != test.stays {
			t.Errorf("%s: %d, stays %v", name, status, stays)
		}
		if !test.stays && !c.closed() {
			t.Errorf("%s: the connection is open", name)
		}
	}
}

func TestBelow(t *testing.T) {
	for descriptors, want := range map[uint64]int{0: most, 256: 128, 1024: 512, 8192: 4096, 10000: 5904, 20000: most, 1 << 62: most} {
		if got := below(descriptors); got != want {
			t.Errorf("%d descriptors: %d, want %d", descriptors, got, want)
		}
	}
	if n := Limit(); n < 1 || n > most {
		t.Error(n)
	}
}
