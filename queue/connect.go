package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	dialTimeout   = 5 * time.Second
	dialPause     = 500 * time.Millisecond
	reconnectWait = 250 * time.Millisecond
	pingInterval  = 1500 * time.Millisecond // a server that hangs is found out within five seconds, and at once by who asks it
	pingsMissed   = 2
)

// connect opens the connections and checks the server.
func (q *Queue) connect(ctx context.Context, o Options) error {
	for i := range connections {
		nc, err := q.dial(ctx, o, i)
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
	return q.awaitJetStream(ctx)
}

// awaitJetStream waits until the cluster answers: while it has no leader, or the server that was asked ends,
// nothing comes.
func (q *Queue) awaitJetStream(ctx context.Context) error {
	var none error
	err := q.patiently(ctx, func(ctx context.Context) error {
		_, err := q.streamIn(ctx).AccountInfo(ctx)
		if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			none = err
			return nil
		}
		return err
	})
	if err = cmp.Or(none, err); err != nil {
		return fmt.Errorf("queue: JetStream is not available on the NATS server: %w", err)
	}
	return nil
}

// options are those of every connection. A connection within the process, too, is made again when the server
// drops it.
func (q *Queue) options(o Options) []nats.Option {
	opts := []nats.Option{nats.Name("otpgw"), nats.Timeout(dialTimeout), nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(pingsMissed),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectBufSize(-1), // a write kept back and sent later would be one whose caller gave up
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			q.log.Warn().Err(err).Msg("NATS connection")
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err == nil { // it is moved, or closed
				return
			}
			select {
			case <-q.closing:
			default:
				q.log.Warn().Err(err).Msg("NATS connection lost; reconnecting")
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			q.returned.Store(true)
			if err := checkVersion(nc.ConnectedServerVersion()); err != nil { // one of the cluster that was not seen at the start
				q.log.Error().Err(err).Str("server", nc.ConnectedServerName()).Msg("a NATS server of the cluster is too old")
			}
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

// waitingEvery is how often it is said that no server answers.
const waitingEvery = 5 * time.Second

// spread is the list of servers from which the nth connection takes the first that answers: each another one,
// so that a server that hangs has not all of them.
func spread(urls string, n int) string {
	list := strings.Split(urls, ",")
	n %= len(list)
	return strings.Join(append(slices.Clone(list[n:]), list[:n]...), ",")
}

// dial tries until ctx ends: at a common start of daemon and cluster the cluster is the slower one.
func (q *Queue) dial(ctx context.Context, o Options, n int) (*nats.Conn, error) {
	said := time.Now()
	for {
		nc, err := nats.Connect(spread(o.URL, n), append(q.options(o), nats.DontRandomize(),
			nats.ReconnectToServer(func(servers []nats.Server, _ nats.ServerInfo) (*nats.Server, time.Duration) {
				return q.spreader.chosen(n, servers), 0
			}))...)
		if err == nil {
			return nc, nil
		}
		if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("queue: credentials for the NATS server: %w", err)
		}
		if time.Since(said) >= waitingEvery {
			said = time.Now()
			q.log.Warn().Err(err).Str("servers", redacted(o.URL)).Msg("waiting for a NATS server to answer")
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: no NATS server answered: %w", ErrUnavailable, err)
		case <-time.After(dialPause):
		}
	}
}

// redacted is a list of servers without the credentials that a URL may hold.
func redacted(urls string) string {
	list := strings.Split(urls, ",")
	for i, u := range list {
		scheme, rest, found := strings.Cut(u, "://")
		if at := strings.LastIndexByte(rest, '@'); found && at >= 0 {
			list[i] = scheme + "://" + rest[at+1:]
		}
	}
	return strings.Join(list, ",")
}
