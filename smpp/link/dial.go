package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// dial connects to the SMSC, over TLS when the link says so, within dialTimeout each.
func dial(ctx context.Context, cfg Config) (net.Conn, error) {
	conn, err := connect(ctx, cfg)
	if err != nil || cfg.TLS == nil {
		return conn, err
	}
	return secure(ctx, cfg, conn)
}

// network is what net calls the link's family.
func (c Config) network() string {
	switch c.Family {
	case FamilyIPv4:
		return "tcp4"
	case FamilyIPv6:
		return "tcp6"
	}
	return "tcp"
}

// connect makes the TCP connection. A name with addresses of both families is tried on both (RFC 8305),
// unless the link names one or the source address belongs to one.
func connect(ctx context.Context, cfg Config) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	if cfg.SourceAddr.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: cfg.SourceAddr.AsSlice(), Zone: cfg.SourceAddr.Zone()}
	}
	conn, err := d.DialContext(ctx, cfg.network(), cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("smpp: connect: %w", err)
	}
	return conn, nil
}

// secure does the TLS handshake. It closes conn on an error.
func secure(ctx context.Context, cfg Config, conn net.Conn) (*tls.Conn, error) {
	tc := cfg.TLS.Clone()
	if tc.ServerName == "" {
		tc.ServerName, _, _ = net.SplitHostPort(cfg.Addr)
	}
	safe := tls.Client(conn, tc)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := safe.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w: %w", errTLS, err)
	}
	return safe, nil
}
