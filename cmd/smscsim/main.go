// Command smscsim is a simulated SMSC: applications bind to it over SMPP and send, tests read what came over
// HTTP. It is package github.com/otpgw/otpgw/smpp/smsc with flags; -help shows them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	c := command{args: os.Args[1:], getenv: os.Getenv, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(c.run(ctx))
}
