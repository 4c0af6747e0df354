package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/memory"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr/callback"
)

// reload reads the configuration again and works by it. When anything is wrong with it, it changes nothing
// and says what.
func (d *daemon) reload(ctx context.Context) (operator.Reloaded, error) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	was := d.live.Load().config
	c, err := d.read(ctx)
	if err != nil {
		return operator.Reloaded{}, err
	}
	if err := d.strands(was, c); err != nil {
		return operator.Reloaded{}, err
	}
	if c.SecretKey != nil && !bytes.Equal(c.SecretKey, d.config.SecretKey) {
		return operator.Reloaded{}, errors.New("OTPGW_SECRET_KEY: the key is another one; it is changed by a restart")
	}
	if err := c.UseKey(d.config.SecretKey); err != nil {
		return operator.Reloaded{}, err
	}
	token, err := operator.Token(c.AdminToken, d.config.DataDir)
	if err != nil {
		return operator.Reloaded{}, err
	}
	done := operator.Reloaded{Changed: []string{}, Restart: []string{}, Warnings: []string{}}
	for _, name := range config.Changed(was, c) {
		if why := config.Restart(name); why != "" {
			done.Restart = append(done.Restart, name+": "+why)
		} else {
			done.Changed = append(done.Changed, name)
		}
	}
	for _, w := range c.Warnings {
		done.Warnings = append(done.Warnings, w.String())
	}
	for _, name := range c.RouteNames() {
		if err := d.queue.AddRoute(name); err != nil { // before anybody sends over it
			return operator.Reloaded{}, err
		}
	}
	if err := d.records.Change(c.CDR); err != nil { // the last that can fail
		return operator.Reloaded{}, fmt.Errorf("OTPGW_CDR_DIR: %w", err)
	}
	d.token.Store(&token)
	d.adopt(c)
	d.service.Reconfigure(c.Apps)
	d.dispatch.Change(callback.Egress{Allow: c.CallbackAllow}, c.CallbackTimeout)
	d.scores.SlowAfter(c.Sharing.SlowAfter)
	d.queue.SetMemory(memory.Of(c))
	memory.Bound(c)
	d.links.Apply(c.Links)
	select {
	case d.rerouted <- struct{}{}:
	default: // it has yet to hear of the one before
	}
	zerolog.SetGlobalLevel(c.LogLevel)
	return done, nil
}

// strands refuses a configuration without a route for which messages wait that no other route would take.
func (d *daemon) strands(was, c *config.Config) error {
	for _, r := range was.Routes {
		if slices.Contains(c.RouteNames(), r.Name) {
			continue
		}
		n := d.queue.SMS(r.Name).Len()
		if n > 0 && !c.Covers(r) {
			return fmt.Errorf("OTPGW_ROUTES: the route %s is taken out, %d messages wait for it, and no other route takes its numbers; "+
				"give those to a route, or wait until they are sent", r.Name, n)
		}
	}
	return nil
}

// hangup is told of each SIGHUP from now on.
func hangup() chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals
}

// hangups reloads at each SIGHUP until ctx ends.
func (d *daemon) hangups(ctx context.Context, signals chan os.Signal) {
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			_, _ = d.reloadFor(ctx, "SIGHUP") // it is in the log
		}
	}
}

// reloadFor reloads, and logs what came of it and who wanted it.
func (d *daemon) reloadFor(ctx context.Context, by string) (operator.Reloaded, error) {
	done, err := d.reload(ctx)
	d.logReload(by, done, err)
	return done, err
}

func (d *daemon) logReload(by string, done operator.Reloaded, err error) {
	if err != nil {
		log := d.log.Error().Str("by", by)
		var faulty *config.Error
		if errors.As(err, &faulty) {
			log.Strs("faults", strings.Split(faulty.Error(), "\n")[1:]).Msg("configuration not reloaded, nothing has changed")
			return
		}
		log.Err(err).Msg("configuration not reloaded, nothing has changed")
		return
	}
	for _, w := range done.Warnings {
		d.log.Warn().Msg(w)
	}
	if len(done.Restart) > 0 {
		d.log.Warn().Strs("variables", done.Restart).Msg("changed, and in force only after a restart")
	}
	d.log.Info().Str("by", by).Strs("changed", done.Changed).Msg("configuration reloaded")
}
