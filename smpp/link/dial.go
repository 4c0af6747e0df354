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
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("smpp: connect: %w", err)
	}
	if cfg.TLS == nil {
		return conn, nil
	}
	tc := cfg.TLS.Clone()
	if tc.ServerName == "" {
		tc.ServerName, _, _ = net.SplitHostPort(cfg.Addr)
	}
	secure := tls.Client(conn, tc)
	hctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := secure.HandshakeContext(hctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("smpp: TLS: %w", err)
	}
	return secure, nil
}
