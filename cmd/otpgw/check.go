package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue/seal"
	"github.com/otpgw/otpgw/smpp/link"
)

// checkOptions are the flags of check.
type checkOptions struct {
	bind           bool
	callbackSecret string // the application whose secret is to be printed, and nothing else
}

// check loads, validates and prints the configuration, and with bind tries each link.
func check(ctx context.Context, environ []string, o checkOptions, stdout, stderr io.Writer) int {
	c, code := load(ctx, environMap(environ), environ, stderr)
	if c == nil {
		return code
	}
	if o.callbackSecret != "" {
		return printCallbackSecret(c, o.callbackSecret, stdout, stderr)
	}
	if err := c.Print(stdout); err != nil {
		fmt.Fprintf(stderr, "otpgw: %v\n", err)
		return exitFailed
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(stdout, "# warning: %s\n", w)
	}
	if c.SecretKey == nil {
		key := c.SecretKeyFile()
		if _, err := os.Stat(key); err == nil {
			fmt.Fprintf(stdout, "# the secret key is in %s\n", key)
		} else {
			fmt.Fprintf(stdout, "# the first start will generate a secret key into %s\n", key)
		}
	}
	if !o.bind {
		return exitOK
	}
	failed := 0
	for _, cfg := range c.Links {
		if err := link.Probe(ctx, cfg, stdout); err != nil {
			failed++
		}
	}
	if failed > 0 {
		fmt.Fprintf(stderr, "otpgw: %d of %d links failed\n", failed, len(c.Links))
		return exitFailed
	}
	return exitOK
}

// printCallbackSecret prints the secret that signs an application's callbacks, given or derived, for whoever writes the
// receiver. It is the one command that shows a secret.
func printCallbackSecret(c *config.Config, app string, stdout, stderr io.Writer) int {
	if c.SecretKey == nil {
		key, err := seal.LoadOrCreateKey(c.SecretKeyFile())
		if err == nil {
			err = c.UseKey(key)
		}
		if err != nil {
			fmt.Fprintf(stderr, "otpgw: %v\n", err)
			return exitFailed
		}
	}
	for i := range c.Apps {
		if c.Apps[i].Name == app {
			fmt.Fprintln(stdout, c.Apps[i].CallbackSecret)
			return exitOK
		}
	}
	fmt.Fprintf(stderr, "otpgw: OTPGW_APPS names no application %q\n", app)
	return exitUsage
}
