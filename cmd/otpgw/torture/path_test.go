package torture

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// path is a TCP way between two processes that can be cut as a network is: nothing is forwarded, nothing is
// closed, and new connections are taken, for the peer's system would do so too, but get nowhere.
type path struct {
	ln net.Listener
	to string

	mu    sync.Mutex
	open  chan struct{} // closed while the path forwards
	conns map[net.Conn]struct{}
	ended bool
	wg    sync.WaitGroup
}

// newPath listens for connections that are to go to an address.
func newPath(t testing.TB, to string) *path {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &path{ln: ln, to: to, open: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	close(p.open)
	p.wg.Go(p.accept)
	t.Cleanup(p.end)
	return p
}

func (p *path) addr() string { return p.ln.Addr().String() }

// cut stops forwarding, heal lets it go on with what was written meanwhile.
func (p *path) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
		p.open = make(chan struct{})
	default:
	}
}

func (p *path) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

func (p *path) forwards() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}

func (p *path) accept() {
	for {
		near, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.join(near) })
	}
}

// join connects one connection through, and ends with either side.
func (p *path) join(near net.Conn) {
	if !p.keep(near) {
		return
	}
	defer p.drop(near)
	<-p.forwards()
	far, err := net.DialTimeout("tcp", p.to, 5*time.Second)
	if err != nil || !p.keep(far) {
		return
	}
	defer p.drop(far)
	var back sync.WaitGroup
	back.Go(func() { p.copy(near, far) })
	p.copy(far, near)
	back.Wait()
}

// copy forwards until an end of either connection, which it hands on by closing both.
func (p *path) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		<-p.forwards()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_, _ = to.Close(), from.Close()
}

func (p *path) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *path) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *path) end() {
	p.ln.Close()
	p.heal()
	p.mu.Lock()
	p.ended = true
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// TestPath: what goes over a cut path arrives neither lost nor torn once it is healed, and nothing arrives
// before.
func TestPath(t *testing.T) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	p := newPath(t, far.Addr().String())
	near, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	peer, err := far.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	say := func(s string) {
		if _, err := io.WriteString(near, s); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(n int, most time.Duration) (string, error) {
		_ = peer.SetReadDeadline(time.Now().Add(most))
		b := make([]byte, n)
		n, err := io.ReadFull(peer, b)
		return string(b[:n]), err
	}
	say("before")
	if got, err := hear(6, time.Minute); got != "before" {
		t.Fatalf("%q, %v", got, err)
	}
	p.cut()
	say("under")
	if got, err := hear(5, 50*time.Millisecond); err == nil || got != "" {
		t.Errorf("%q came over a path that is cut", got)
	}
	late, err := net.Dial("tcp", p.addr()) // is taken, and gets nowhere
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	p.heal()
	if got, err := hear(5, time.Minute); got != "under" {
		t.Errorf("%q, %v after the path healed", got, err)
	}
	if c, err := far.Accept(); err != nil {
		t.Errorf("who came while it was cut: %v", err)
	} else {
		c.Close()
	}
}
