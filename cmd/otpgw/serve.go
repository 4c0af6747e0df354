package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"os"
	"runtime/debug"
	"strings"

	"github.com/rs/zerolog"
	"github.com/sethvargo/go-envconfig"

	"github.com/otpgw/otpgw/config"
)

// serve runs the daemon on the environment's configuration.
func serve(ctx context.Context, environ []string, stderr io.Writer) int {
	c, code := load(ctx, environMap(environ), environ, stderr)
	if c == nil {
		return code
	}
	log := newLogger(stderr, c.LogLevel, string(c.LogFormat))
	return runDaemon(ctx, c, log, func(d *daemon) {
		log.Info().Str("version", programVersion()).Str("http", d.apiLn.Addr().String()).Str("admin", d.adminLn.Addr().String()).Msg("ready")
	})
}

// gcPercent lets the heap grow to four times what is live before it is collected: the live heap is some tens of MiB, and
// collecting it at each doubling was a tenth of the CPU. GOGC in the environment wins.
const gcPercent = 300

// runDaemon builds and runs the daemon, and turns its end into an exit status.
func runDaemon(ctx context.Context, c *config.Config, log zerolog.Logger, ready func(*daemon)) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	for _, w := range c.Warnings {
		log.Warn().Msg(w.String())
	}
	d, err := newDaemon(ctx, c, log)
	if err != nil {
		log.Error().Err(err).Msg("cannot start")
		return exitFailed
	}
	if err := d.run(ctx, func() { ready(d) }); err != nil && !errors.Is(err, context.Canceled) {
		log.Error().Err(err).Msg("ended with an error")
		return exitFailed
	}
	log.Info().Msg("stopped")
	return exitOK
}

// load reads the configuration and prints what is wrong with it. The status is for the case of a nil configuration.
func load(ctx context.Context, lookup envconfig.Lookuper, environ []string, stderr io.Writer) (*config.Config, int) {
	c, err := config.Load(ctx, lookup, environ)
	if err == nil {
		return c, exitOK
	}
	fmt.Fprintf(stderr, "otpgw: the configuration is wrong:\n%v\n", err)
	return nil, exitUsage
}

// environMap is the environment as go-envconfig reads it.
func environMap(environ []string) envconfig.Lookuper {
	m := make(map[string]string, len(environ))
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		m[name] = value
	}
	return envconfig.MapLookuper(m)
}

// stdLogger gives net/http's complaints (a peer's broken TLS, a panic it caught) to the daemon's log.
func stdLogger(log zerolog.Logger) *stdlog.Logger {
	return stdlog.New(log.With().Str("from", "http").Logger(), "", 0)
}
