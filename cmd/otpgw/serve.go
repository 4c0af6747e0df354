package main

import (
	"context"
	"errors"
	stdlog "log"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/cmd/internal/version"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/logs"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/memory"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue"
)

// serve runs the daemon on the environment's configuration.
func serve(ctx context.Context, c cli) int {
	conf, err := c.load(ctx)
	if err != nil {
		return complain(c.stderr, err)
	}
	// Whoever reads the log may end. Go would end a process with it that writes to its standard error, and a
	// daemon without a log is better than none.
	signal.Ignore(syscall.SIGPIPE)
	log, flush := logs.New(c.stderr, conf.LogFormat)
	defer flush()
	return runDaemon(ctx, conf, c.load, log, func(d *daemon) {
		log.Info().Str("version", version.Read().String()).Str("http", d.apiLn.Addr().String()).Str("admin", d.adminLn.Addr().String()).Msg("ready")
	})
}

// runDaemon builds and runs the daemon, and turns its end into an exit status.
func runDaemon(ctx context.Context, c *config.Config, read func(context.Context) (*config.Config, error), log zerolog.Logger, ready func(*daemon)) int {
	memory.Limit(c)
	zerolog.SetGlobalLevel(c.LogLevel)
	for _, w := range append(memoryWarnings(c), c.Warnings...) {
		log.Warn().Msg(w.String())
	}
	d, err := newDaemon(ctx, c, read, log)
	if err != nil {
		log.Error().Err(err).Msg("cannot start")
		return exitFailed
	}
	if err := d.run(ctx, func() { ready(d) }); err != nil && !errors.Is(err, context.Canceled) {
		log.Error().Err(err).Msg("ended with an error")
		if errors.Is(err, queue.ErrStore) {
			return exitAgain
		}
		return exitFailed
	}
	log.Info().Msg("stopped")
	return exitOK
}

// stdLogger gives net/http's complaints (a peer's broken TLS, a panic it caught) to the daemon's log.
func stdLogger(log zerolog.Logger) *stdlog.Logger {
	return stdlog.New(log.With().Str("from", "http").Logger(), "", 0)
}
