package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/otpgw/otpgw/config"
)

const usage = `otpgw sends one-time passwords by SMS over your own SMPP links, and verifies them.

Usage:
  otpgw [serve]        run the gateway; the environment configures it
  otpgw check          load and validate the configuration and print it, secrets masked
  otpgw check -bind    the same, and try each link: connect, bind, enquire_link, unbind
  otpgw check -callback-secret APP
                       print the secret that signs the callbacks of an application, and nothing else
  otpgw version        print the version
  otpgw -demo          run the gateway with a simulated SMSC and an application "demo"
  otpgw -help          this text

Exit status: 0 after a clean end, 1 when something failed, 2 when the command line or the configuration is wrong.

Environment (a secret may come from a file: NAME_FILE=path):
`

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// run is the program: arguments and environment in, exit status out. It ends when ctx does.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("otpgw", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	demo := flags.Bool("demo", false, "")
	var checks checkOptions
	flags.BoolVar(&checks.bind, "bind", false, "")
	flags.StringVar(&checks.callbackSecret, "callback-secret", "", "")
	command := "serve"
	if len(args) > 0 && len(args[0]) > 0 && args[0][0] != '-' {
		command, args = args[0], args[1:]
	}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp), command == "help":
		fmt.Fprint(stdout, usage)
		_ = config.Help(stdout)
		return exitOK
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && checks != (checkOptions{}) && command != "check":
		err = errors.New("-bind and -callback-secret belong to check")
	case err == nil && *demo && command != "serve":
		err = errors.New("-demo belongs to serve")
	}
	if err != nil {
		fmt.Fprintf(stderr, "otpgw: %v; see otpgw -help\n", err)
		return exitUsage
	}
	switch command {
	case "serve":
		if *demo {
			return runDemo(ctx, environ, stdout, stderr)
		}
		return serve(ctx, environ, stderr)
	case "check":
		return check(ctx, environ, checks, stdout, stderr)
	case "version":
		printVersion(stdout)
		return exitOK
	default:
		fmt.Fprintf(stderr, "otpgw: unknown command %q; see otpgw -help\n", command)
		return exitUsage
	}
}
