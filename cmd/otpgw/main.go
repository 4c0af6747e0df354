// Command otpgw is the gateway daemon: it wires the packages and holds no behaviour of its own.
//
//	config -> queue (embedded or external NATS)
//	       -> otp.Service  <- otp/api over HTTP
//	       -> link.Link    -> sink -> dlr.Tracker -> otp.Service
//	       -> callback.Dispatcher <- queue events
//
// Subcommands: serve (the default), check, version. With -demo it brings a simulated SMSC and an application, so that
// one command shows the whole way of a message.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
