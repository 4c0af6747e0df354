package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"otpgw/smpp/link"
)

// check loads, validates and prints the configuration, and with bind tries each link.
func check(ctx context.Context, environ []string, bind bool, stdout, stderr io.Writer) int {
	c, code := load(ctx, environMap(environ), environ, stderr)
	if c == nil {
		return code
	}
	if err := c.Print(stdout); err != nil {
		fmt.Fprintf(stderr, "otpgw: %v\n", err)
		return exitFailed
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(stdout, "# warning: %s\n", w)
	}
	if c.SecretKey == nil {
		key := filepath.Join(c.DataDir, keyFile)
		if _, err := os.Stat(key); err == nil {
			fmt.Fprintf(stdout, "# the secret key is in %s\n", key)
		} else {
			fmt.Fprintf(stdout, "# the first start will generate a secret key into %s\n", key)
		}
	}
	if !bind {
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
