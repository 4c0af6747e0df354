package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The oldest server with scheduled messages, prioritized pull and per-message TTL.
const (
	minMajor = 2
	minMinor = 12
)

const (
	dialTimeout   = 5 * time.Second
	dialPause     = 500 * time.Millisecond
	reconnectWait = 250 * time.Millisecond
	pingInterval  = 10 * time.Second // two missed pings and the connection is dead
)

// connect opens the connections and checks the server.
func (q *Queue) connect(ctx context.Context, o Options) error {
	for range connections {
		nc, err := q.dial(ctx, o)
		if err != nil {
			return err
		}
		q.conns = append(q.conns, nc)
		if err := checkVersion(nc.ConnectedServerVersion()); err != nil {
			return err
		}
		js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(attemptTimeout))
		if err != nil {
			return fmt.Errorf("queue: %w", err)
		}
		q.streams = append(q.streams, js)
	}
	if _, err := q.streams[0].AccountInfo(ctx); err != nil {
		return fmt.Errorf("queue: JetStream is not available on the NATS server: %w", err)
	}
	return nil
}

// options are those of every connection. A connection within the process, too, is made again when the server drops it.
func (q *Queue) options(o Options) []nats.Option {
	opts := []nats.Option{nats.Name("otpgw"), nats.Timeout(dialTimeout), nats.PingInterval(pingInterval),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectBufSize(-1), // a write kept back and sent later would be one whose caller gave up
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			q.log.Warn().Err(err).Msg("NATS connection")
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			select {
			case <-q.closing:
			default:
				q.log.Warn().Err(err).Msg("NATS connection lost; reconnecting")
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			q.log.Info().Str("server", nc.ConnectedServerName()).Msg("NATS connection restored")
		})}
	if q.server != nil {
		return append(opts, nats.InProcessServer(q.server.ns))
	}
	if o.Creds != "" {
		opts = append(opts, nats.UserCredentials(o.Creds))
	}
	return opts
}

// dial tries until ctx ends: at a common start of daemon and cluster the cluster is the slower one.
func (q *Queue) dial(ctx context.Context, o Options) (*nats.Conn, error) {
	for {
		nc, err := nats.Connect(o.URL, q.options(o)...)
		if err == nil {
			return nc, nil
		}
		if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("queue: credentials for the NATS server: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: no NATS server answered: %w", ErrUnavailable, err)
		case <-time.After(dialPause):
		}
	}
}

// checkVersion refuses a server older than 2.12.
func checkVersion(version string) error {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) >= 2 {
		major, err1 := strconv.Atoi(parts[0])
		minor, err2 := strconv.Atoi(parts[1])
		if err1 == nil && err2 == nil && (major > minMajor || major == minMajor && minor >= minMinor) {
			return nil
		}
	}
	return fmt.Errorf("%w: it is version %q, and %d.%d or newer is needed (scheduled messages, prioritized pull, per-message TTL)",
		ErrVersion, version, minMajor, minMinor)
}
