package queue_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// tap is the way of a daemon to its servers, which stops at what a test waits for: so that something else
// happens in the middle.
type tap struct {
	ln   net.Listener
	back func(near io.Writer, far io.Reader) // of what the servers send
	wg   sync.WaitGroup
	ends chan struct{}

	mu    sync.Mutex // guards the rest
	stop  []byte     // at this in what the daemon sends
	stood chan struct{}
	goes  chan struct{}
}

func newTap(t *testing.T, to string) *tap {
	t.Helper()
	return newTapBack(t, to, func(near io.Writer, far io.Reader) { _, _ = io.Copy(near, far) })
}

// newTapBack has a function of its own for what the servers send.
func newTapBack(t *testing.T, to string, back func(near io.Writer, far io.Reader)) *tap {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &tap{ln: ln, back: back, ends: make(chan struct{})}
	p.wg.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.join(near, to) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		close(p.ends)
		p.wg.Wait()
	})
	return p
}

func (p *tap) url() string { return "nats://" + p.ln.Addr().String() }

// stopAt has the way stop behind the next of something that the daemon sends: stood is closed then, and goOn
// lets it go on.
func (p *tap) stopAt(what string) (stood <-chan struct{}, goOn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop, p.stood, p.goes = []byte(what), make(chan struct{}), make(chan struct{})
	goes := p.goes
	return p.stood, func() { close(goes) }
}

// passed waits where a test has said so.
func (p *tap) passed(sent []byte) {
	p.mu.Lock()
	here := p.stop != nil && bytes.Contains(sent, p.stop)
	if here {
		p.stop = nil
		close(p.stood)
	}
	goes := p.goes
	p.mu.Unlock()
	if here {
		select {
		case <-goes:
		case <-p.ends:
		}
	}
}

func (p *tap) join(near net.Conn, to string) {
	defer near.Close()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	over := make(chan struct{}, 2)
	p.wg.Go(func() {
		p.back(near, far)
		over <- struct{}{}
	})
	p.wg.Go(func() {
		defer func() { over <- struct{}{} }()
		sent := make([]byte, 64<<10)
		for {
			n, err := near.Read(sent)
			if _, failed := far.Write(sent[:n]); failed != nil || err != nil {
				return
			}
			p.passed(sent[:n])
		}
	})
	select {
	case <-over:
	case <-p.ends:
	}
}
