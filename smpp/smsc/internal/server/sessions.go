package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/wire"
)

// ErrNoSession is a session id of no session that is there.
var ErrNoSession = errors.New("smsc: no such session")

var errClosedByUser = errors.New("smsc: closed by the API")

// SessionInfo is a connection as the API shows it.
type SessionInfo struct {
	ID         string    `json:"id"`
	Account    string    `json:"account,omitempty"` // empty until it is bound
	Bind       Kind      `json:"bind,omitempty"`
	State      string    `json:"state"` // open, bound, unbinding
	Remote     string    `json:"remote"`
	TLS        bool      `json:"tls"`
	SystemType string    `json:"systemType,omitempty"`
	Version    byte      `json:"interfaceVersion,omitempty"`
	Since      time.Time `json:"since"`
	Submits    uint64    `json:"submits"`    // messages taken
	Refused    uint64    `json:"refused"`    // messages refused
	Delivered  uint64    `json:"delivered"`  // receipts and messages answered ESME_ROK
	Unanswered int       `json:"unanswered"` // messages whose answer waits
	InFlight   int       `json:"inFlight"`   // requests of ours that wait for an answer
}

// Sessions lists the connections, the oldest first.
func (s *Server) Sessions() []SessionInfo {
	s.mu.Lock()
	binds := make([]*bind, 0, len(s.binds))
	for b := range s.binds {
		binds = append(binds, b)
	}
	s.mu.Unlock()
	slices.SortFunc(binds, func(x, y *bind) int { return int(x.nth) - int(y.nth) })
	out := make([]SessionInfo, len(binds))
	for i, b := range binds {
		out[i] = b.describe()
	}
	return out
}

func (b *bind) describe() SessionInfo {
	in := SessionInfo{
		ID: b.id, State: b.sess.State().String(), Remote: b.remote, TLS: b.tls, Since: b.since,
		Submits: b.counts.submits.Load(), Refused: b.counts.refused.Load(), Delivered: b.counts.delivered.Load(),
		Unanswered: int(b.open.Load()), InFlight: b.sess.InFlight(),
	}
	if acc := b.bound.Load(); acc != nil { // what is set before it may be read now
		in.Account, in.Bind, in.SystemType, in.Version = acc.name, b.kind, b.systemType, b.version
	}
	return in
}

func (s *Server) session(id string) (*bind, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := range s.binds {
		if b.id == id {
			return b, nil
		}
	}
	return nil, ErrNoSession
}

// CloseSession closes a connection at once, without unbind. ErrNoSession when it is not there.
func (s *Server) CloseSession(id string) error {
	b, err := s.session(id)
	if err != nil {
		return err
	}
	b.sess.Close(errClosedByUser)
	return nil
}

// Unbind sends unbind on a connection, waits for the answer until ctx ends, at most 5 seconds, and closes it.
// The error is ErrNoSession, or why there was no answer.
func (s *Server) Unbind(ctx context.Context, id string) error {
	b, err := s.session(id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	return b.sess.Unbind(ctx)
}

// BreakSession does a fault to a connection now: to the next enquire_link of ours for partial, bytewise and
// cut. duration is how long a stall lasts or a partial PDU pauses; zero is the fault's own.
func (s *Server) BreakSession(ctx context.Context, id string, f behave.Fault, duration time.Duration) error {
	if f == "" {
		return behave.Wrong("fault", "is missing: which is to be done")
	}
	if err := f.Validate("fault"); err != nil {
		return err
	}
	b, err := s.session(id)
	if err != nil {
		return err
	}
	if f == behave.FaultStall {
		b.stall(duration)
		return nil
	}
	pdu := wire.Frame{Header: wire.Header{Command: wire.EnquireLink, Sequence: wire.MaxSequence}}.Bytes()
	return b.sess.SendVia(ctx, pdu, b.faulty(f, duration))
}

// faulty is a writer of PDUs with that fault.
func (b *bind) faulty(f behave.Fault, duration time.Duration) func(net.Conn, []byte) error {
	return func(conn net.Conn, pdu []byte) error { return f.Write(b.conn.ctx, conn, pdu, duration) }
}

func (b *bind) stall(d time.Duration) {
	if d <= 0 {
		d = behave.StallTime
	}
	b.conn.stall(d)
}

// Outbind connects to an ESME and asks it to bind as a receiver (SMPP 3.4, 2.2.1 and 4.1.7). It returns when
// the ESME has bound, or ctx ended; the session is one like any other then.
func (s *Server) Outbind(ctx context.Context, addr, systemID, password string) (SessionInfo, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return SessionInfo{}, fmt.Errorf("smsc: outbind: %w", err)
	}
	b, err := s.handle(conn)
	if err != nil {
		conn.Close()
		return SessionInfo{}, err
	}
	pdu, err := wire.OutbindRequest{SystemID: systemID, Password: password}.Encode(wire.Header{Command: wire.Outbind, Sequence: 1})
	if err == nil {
		err = b.sess.SendRaw(ctx, pdu)
	}
	if err == nil {
		select {
		case <-b.ready:
			return b.describe(), nil
		case <-b.sess.Done():
			err = b.sess.Err()
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	b.sess.Close(session.ErrClosed)
	return SessionInfo{}, fmt.Errorf("smsc: outbind: no bind came: %w", err)
}
