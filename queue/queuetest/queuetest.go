// Package queuetest gives tests a real store: embedded on a temporary directory, or an external NATS server
// in a process of its own.
package queuetest

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// Route is the route that Open declares unless an option sets others.
const Route = "default"

// closeTimeout bounds the end of a test.
const closeTimeout = 15 * time.Second

// Option changes the options Open uses.
type Option func(*queue.Options)

// Routes sets the routes.
func Routes(names ...string) Option { return func(o *queue.Options) { o.Routes = names } }

// WithBounds sets how much is kept.
func WithBounds(l queue.Bounds) Option { return func(o *queue.Options) { o.Bounds = l } }

// Cold has records leave the memory for a file as soon as they are stored, not when there are too many.
func Cold() Option { return func(o *queue.Options) { o.ColdAtOnce = true } }

// Dir uses a given directory, for tests that open it again.
func Dir(dir string) Option { return func(o *queue.Options) { o.Dir = dir } }

// URL uses an external server.
func URL(url string) Option { return func(o *queue.Options) { o.URL = url } }

// Replicas sets the number of copies, on a cluster.
func Replicas(n int) Option { return func(o *queue.Options) { o.Replicas = n } }

// Hasty has who can be told to come again be told so as soon as in production.
func Hasty() Option { return func(o *queue.Options) { o.Patience = 0 } }

// Options are those that Open uses. The disk of a machine that runs tests may stand still for seconds, and most
// tests are not of that: they wait for it.
func Options(t testing.TB, opts ...Option) queue.Options {
	o := queue.Options{Routes: []string{Route}, Patience: await.Patience, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)}
	for _, f := range opts {
		f(&o)
	}
	if o.Dir == "" && o.URL == "" {
		o.Dir = t.TempDir()
	}
	return o
}

// Open opens a queue for the time of the test: embedded, on a temporary directory, unless an option says
// otherwise.
func Open(t testing.TB, opts ...Option) *queue.Queue {
	t.Helper()
	q, err := queue.Open(context.Background(), Options(t, opts...))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { Close(t, q) })
	return q
}

// Close closes a queue before the test ends. A second time does nothing.
func Close(t testing.TB, q *queue.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := q.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}
