// Command otpgw is the gateway daemon: it wires the packages and holds no behaviour of its own.
//
//	config -> queue (embedded or external NATS)
//	       -> otp.Service  <- otp/api over HTTP
//	       -> link.Link    -> sink -> dlr.Tracker -> otp.Service
//	       -> callback.Dispatcher <- queue events
//
// Subcommands: serve (the default), check, version (command.go has the table). With -demo it brings a
// simulated SMSC and an application, so that one command shows the whole way of a message.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if name, _ := named(os.Args[1:]); name == serving {
		coarseTimers()
	}
	os.Exit(runProcess())
}

// runProcess is the program with its signals. SIGTERM and SIGINT end it cleanly; once that has begun they
// have their usual effect, so a second one ends it at once. SIGHUP ends nothing: a closed terminal and
// logrotate send it.
func runProcess() int {
	signal.Ignore(syscall.SIGHUP)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // as long as the process
		<-signals
		signal.Reset(os.Interrupt, syscall.SIGTERM) // before anything is heard of the first
		stop()
	}()
	return run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
}
