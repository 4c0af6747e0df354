package server

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

// faultyConn is a connection that can be made slow, or stop reading.
type faultyConn struct {
	net.Conn
	account atomic.Pointer[account] // once it is bound
	ctx     context.Context         // ends with the connection
	cancel  context.CancelFunc

	mu      sync.Mutex    // guards resume
	resume  chan struct{} // closed when a stall is over; nil while there is none
	stalled atomic.Bool
}

func newFaultyConn(conn net.Conn) *faultyConn {
	c := &faultyConn{Conn: conn}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// NetConn is the connection inside.
func (c *faultyConn) NetConn() net.Conn { return c.Conn }

func (c *faultyConn) Close() error {
	c.cancel()
	return c.Conn.Close()
}

func (c *faultyConn) limiter() *rate.Limiter {
	if acc := c.account.Load(); acc != nil {
		return acc.policy.Load().bandwidth
	}
	return nil
}

// Read waits while the connection is stalled, so that the peer's writes back up.
func (c *faultyConn) Read(b []byte) (int, error) {
	if err := c.wait(); err != nil {
		return 0, err
	}
	if l := c.limiter(); l != nil {
		b = b[:min(len(b), l.Burst())]
	}
	n, err := c.Conn.Read(b)
	if c.stalled.Load() { // it came after the stall began: as if it was read behind it
		if err := c.wait(); err != nil {
			return 0, err
		}
	}
	if l := c.limiter(); l != nil && n > 0 { // asked for again: the bind may have been read here
		if err := spend(c.ctx, l, n); err != nil {
			return n, err
		}
	}
	return n, err
}

// Write keeps to the bandwidth. The deadline is then for each piece, not for all.
func (c *faultyConn) Write(b []byte) (int, error) {
	l := c.limiter()
	if l == nil {
		return c.Conn.Write(b)
	}
	for done := 0; done < len(b); {
		k := min(len(b)-done, l.Burst())
		if err := spend(c.ctx, l, k); err != nil {
			return done, err
		}
		_ = c.Conn.SetWriteDeadline(time.Now().Add(behave.WriteTimeout))
		n, err := c.Conn.Write(b[done : done+k])
		if done += n; err != nil {
			return done, err
		}
	}
	return len(b), nil
}

// stall stops reading for a time.
func (c *faultyConn) stall(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resume != nil {
		return
	}
	resume := make(chan struct{})
	c.resume = resume
	c.stalled.Store(true)
	time.AfterFunc(d, func() { c.unstall(resume) })
}

// unstall ends a stall: that one, or with nil any.
func (c *faultyConn) unstall(which chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resume == nil || which != nil && which != c.resume {
		return
	}
	close(c.resume)
	c.resume = nil
	c.stalled.Store(false)
}

func (c *faultyConn) wait() error {
	if !c.stalled.Load() {
		return nil
	}
	c.mu.Lock()
	resume := c.resume
	c.mu.Unlock()
	if resume == nil {
		return nil
	}
	select {
	case <-resume:
		return nil
	case <-c.ctx.Done():
		return net.ErrClosed
	}
}

// halfClose ends the writing side, so that what was written arrives before the end.
func (c *faultyConn) halfClose() {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok { // TCP and TLS have it
		_ = w.CloseWrite()
	}
}
