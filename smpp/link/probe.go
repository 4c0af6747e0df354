package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Probe tries a link once, without sending a message: it resolves, connects, shakes hands over TLS where the
// link has it, binds, sends an enquire_link and unbinds; with split binds first as a transmitter, then as a
// receiver. Each step is a line on w with its time; a failed one says what to look at.
func Probe(ctx context.Context, cfg Config, w io.Writer) error {
	p := &probe{w: w, cfg: cfg}
	if err := p.resolve(ctx); err != nil {
		return err
	}
	kinds := []wire.Command{wire.BindTransceiver}
	if cfg.Bind == BindSplit {
		kinds = []wire.Command{wire.BindTransmitter, wire.BindReceiver}
	}
	for _, cmd := range kinds {
		conn, err := p.connect(ctx)
		if err != nil {
			return err
		}
		if err := p.session(ctx, conn, cmd); err != nil {
			return err
		}
	}
	return nil
}

type probe struct {
	w   io.Writer
	cfg Config
}

// step does one thing and prints how it went. What do returns beside the error is printed behind the name.
func (p *probe) step(name string, do func() (found string, err error)) error {
	began := time.Now()
	found, err := do()
	took := time.Since(began).Round(100 * time.Microsecond)
	if err == nil {
		if found != "" {
			name += ": " + found
		}
		fmt.Fprintf(p.w, "link %s: ok      %-8s %s\n", p.cfg.Name, took, name)
		return nil
	}
	fmt.Fprintf(p.w, "link %s: FAILED  %-8s %s: %v\n", p.cfg.Name, took, name, err)
	if hint := advice(err); hint != "" {
		fmt.Fprintf(p.w, "link %s:         %s\n", p.cfg.Name, hint)
	}
	return err
}

func (p *probe) resolve(ctx context.Context) error {
	host, _, _ := net.SplitHostPort(p.cfg.Addr)
	return p.step("resolve "+host, func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		network := strings.Replace(p.cfg.network(), "tcp", "ip", 1)
		found, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
		if err != nil {
			return "", err
		}
		all := make([]string, len(found))
		for i, a := range found {
			all[i] = a.Unmap().String()
		}
		return strings.Join(all, ", "), nil
	})
}

func (p *probe) connect(ctx context.Context) (conn net.Conn, err error) {
	name := "connect to " + p.cfg.Addr
	if p.cfg.SourceAddr.IsValid() {
		name += " from " + p.cfg.SourceAddr.String()
	}
	err = p.step(name, func() (string, error) {
		if conn, err = connect(ctx, p.cfg); err != nil {
			return "", err
		}
		return conn.LocalAddr().String() + " to " + conn.RemoteAddr().String(), nil
	})
	if err != nil || p.cfg.TLS == nil {
		return conn, err
	}
	err = p.step("TLS handshake", func() (string, error) {
		safe, err := secure(ctx, p.cfg, conn)
		if err != nil {
			return "", err
		}
		conn = safe
		return describe(safe.ConnectionState()), nil
	})
	return conn, err
}

// describe says what an operator wants to know of a TLS session.
func describe(s tls.ConnectionState) string {
	leaf := s.PeerCertificates[0]
	return fmt.Sprintf("%s, certificate of %s, valid until %s", tls.VersionName(s.Version), leaf.Subject, leaf.NotAfter.UTC().Format(time.DateOnly))
}

// session does the steps that need SMPP, in the order of a bind's life.
func (p *probe) session(ctx context.Context, conn net.Conn, cmd wire.Command) error {
	s := session.New(conn, session.Options{ResponseTimeout: p.cfg.ResponseTimeout, EnquireLink: -1, Window: 1})
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
		do   func() (string, error)
	}{
		{fmt.Sprintf("bind as %s, %s", p.cfg.SystemID, kindName(cmd)), func() (string, error) {
			r, err := s.Bind(ctx, cmd, p.cfg.bind())
			if err != nil {
				return "", err
			}
			found := "the SMSC is " + r.SystemID
			if v, ok := r.TLVs.Get(wire.TagScInterfaceVersion); ok && len(v) == 1 {
				found += fmt.Sprintf(", interface_version 0x%02X", v[0])
			}
			return found, nil
		}},
		{"enquire_link", func() (string, error) {
			_, err := s.Do(ctx, wire.EnquireLink, wire.RawBody(nil))
			return "", err
		}},
		{"unbind", func() (string, error) { return "", s.Unbind(ctx) }},
	}
	for _, st := range steps {
		if err := p.step(st.name, st.do); err != nil {
			return err
		}
	}
	return nil
}
