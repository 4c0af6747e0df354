package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"otpgw/smpp/session"
	"otpgw/smpp/wire"
)

// Probe tries a link once, without sending a message: it resolves, connects (with TLS where the link has it), binds,
// sends an enquire_link and unbinds. Each step is a line on w with its time; a failed one says what to look at.
func Probe(ctx context.Context, cfg Config, w io.Writer) error {
	p := &probe{w: w, link: cfg.Name}
	host, _, _ := net.SplitHostPort(cfg.Addr)
	err := p.step("resolve "+host, func() error {
		_, err := net.DefaultResolver.LookupHost(ctx, host)
		return err
	})
	if err != nil {
		return err
	}
	var conn net.Conn
	step := "connect to " + cfg.Addr
	if cfg.TLS != nil {
		step += " with TLS"
	}
	err = p.step(step, func() (err error) {
		conn, err = dial(ctx, cfg)
		return err
	})
	if err != nil {
		return err
	}
	return p.session(ctx, cfg, conn)
}

type probe struct {
	w    io.Writer
	link string
}

func (p *probe) step(name string, do func() error) error {
	began := time.Now()
	err := do()
	took := time.Since(began).Round(100 * time.Microsecond)
	if err == nil {
		fmt.Fprintf(p.w, "link %s: ok      %-8s %s\n", p.link, took, name)
		return nil
	}
	fmt.Fprintf(p.w, "link %s: FAILED  %-8s %s: %v\n", p.link, took, name, err)
	if hint := advice(err); hint != "" {
		fmt.Fprintf(p.w, "link %s:         %s\n", p.link, hint)
	}
	return err
}

// session does the steps that need SMPP, in the order of a bind's life.
func (p *probe) session(ctx context.Context, cfg Config, conn net.Conn) error {
	cmd := wire.BindTransceiver
	if cfg.Bind == BindSplit {
		cmd = wire.BindTransmitter
	}
	s := session.New(conn, session.Options{ResponseTimeout: cfg.ResponseTimeout, EnquireLink: -1, Window: 1})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Run(ctx)
	}()
	defer func() {
		s.Close(session.ErrClosed)
		<-ended
	}()
	steps := []struct {
		name string
		do   func() error
	}{
		{fmt.Sprintf("bind as %s", cfg.SystemID), func() error {
			_, err := s.Bind(ctx, cmd, wire.Bind{SystemID: cfg.SystemID, Password: cfg.Password, SystemType: cfg.SystemType, InterfaceVersion: wire.Version34})
			return err
		}},
		{"enquire_link", func() error {
			_, err := s.Do(ctx, wire.EnquireLink, wire.RawBody(nil))
			return err
		}},
		{"unbind", func() error { return s.Unbind(ctx) }},
	}
	for _, st := range steps {
		if err := p.step(st.name, st.do); err != nil {
			return err
		}
	}
	return nil
}

// advice is what an operator should look at, or ask the carrier, for an error.
func advice(err error) string {
	var dns *net.DNSError
	var refused *session.BindError
	switch {
	case errors.As(err, &dns):
		return "check the host in ADDR, and this machine's resolver"
	case errors.As(err, &refused):
		return bindAdvice(refused.Status)
	case errors.Is(err, session.ErrTimeout):
		return "the port is open but nothing speaks SMPP there: ask the carrier for host and port, and whether TLS is expected"
	case errors.Is(err, session.ErrPeerGone):
		return "the SMSC closed the connection: ask the carrier whether this machine's address is allowed, and whether TLS is expected"
	default:
		return "ask the carrier whether this machine's address is allowed to connect, and check firewalls and VPN"
	}
}

func bindAdvice(s wire.Status) string {
	switch s {
	case wire.StatusInvPaswd, wire.StatusInvSysID:
		return "ask the carrier to confirm SYSTEM_ID and PASSWORD, and whether the account is enabled for this address"
	case wire.StatusAlreadyBound:
		return "the account is bound already: ask how many binds are allowed, and whether an old connection still counts"
	case wire.StatusInvSysTyp, wire.StatusInvSerTyp:
		return "ask the carrier which SYSTEM_TYPE to use"
	default:
		return "ask the carrier what " + s.String() + " means for this account: bind type, number of binds, address"
	}
}
