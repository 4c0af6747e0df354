package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/cmd/internal/version"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/smpp/link"
)

const usage = `otpgw sends one-time passwords by SMS over your own SMPP links, and verifies them.

Usage:
  otpgw [serve]        run the gateway; the environment configures it
  otpgw check          load and validate the configuration and print it, secrets masked
  otpgw check -bind    the same, and try each link: connect, bind, enquire_link, unbind
  otpgw check -lookup-secret      print the secret that signs lookups
  otpgw check -store   the same, and compare what was stored with what is there; the gateway has to be stopped, but with an external NATS
  otpgw check -callback-secret APP
                       print the secret that signs the callbacks of an application, and nothing else
  otpgw ctl VERB       ask a running gateway: links, pause, resume, drain, rebind, routes, reload, and more; without a verb it
                       lists them
  otpgw explain -to +359888123456 [-app APP] [-from SENDER] [-template TEXT] [-template-bg TEXT] [-network MCCMNC] [-json]
                       what a request would get, and why: route, links, sender, text, encoding, parts, cost; and all that refuses it:
                       opt-outs, the do-not-send list, the guard, limits and quotas are asked of the running gateway; nothing is sent
  otpgw send -to +359888123456 [-link LINK | -route ROUTE] [-from SENDER] [-text TEXT] [-wait 30s]
                       one test message through the running gateway, over a link or the one that the number's route would take;
                       prints the carrier's answers and receipts; exit status 1 when it was not taken, or not delivered
  otpgw restore FILE   make the store of a backup (otpgw ctl backup FILE), in a data directory that has none; needs its secret key
  otpgw pics           what a link sends, takes and refuses of each PDU and field of SMPP 3.4 (Markdown)
  otpgw version        print the version
  otpgw -demo          run the gateway with a simulated SMSC and an application "demo"
  otpgw -help          this text

  -config FILE         read variables from FILE, in the syntax of systemd's EnvironmentFile; the environment wins

Exit status: 0 after a clean end, 1 when something failed, 2 when the command line or the configuration is wrong,
3 when check finds nothing wrong and warns of something, 4 when the store has to be opened anew: its disk was full, and
is not any more, for one. After 1 and 4 a supervisor starts the gateway again.

SIGTERM and SIGINT end the gateway cleanly, a second one at once. SIGHUP reads the configuration again: applications,
links, routes, prices and the log level change, binds that did not change stay, and a
configuration that is wrong changes nothing. The log says what needs a restart.

Environment (a secret may come from a file: NAME_FILE=path):
`

// The exit statuses.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitWarnings = 3
	exitAgain    = 4 // see queue.ErrStore
)

// cli is one run of the program: what a subcommand works with.
type cli struct {
	settings
	args           []string // behind the flags; of ctl
	stdout, stderr io.Writer
}

// subcommand is a row of the table of subcommands: flags declares its own and returns what it does.
type subcommand func(flags *flag.FlagSet) func(ctx context.Context, c cli) int

var subcommands = map[string]subcommand{
	serving:   serveCommand,
	"check":   checkCommand,
	"ctl":     ctlCommand,
	"explain": explainCommand,
	"pics":    picsCommand,
	"send":    sendCommand,
	"restore": restoreCommand,
	"version": versionCommand,
}

// run is the program: arguments and environment in, exit status out. It ends when ctx does.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	c := cli{settings: settings{environ: environ}, stdout: stdout, stderr: stderr}
	name, args := named(args)
	if len(args) == 1 && (args[0] == "-version" || args[0] == "--version") {
		name, args = "version", nil
	}
	sub, known := subcommands[name]
	if name == "help" {
		return help(stdout)
	}
	if !known {
		fmt.Fprintf(stderr, "otpgw: unknown command %q; see otpgw -help\n", name)
		return exitUsage
	}
	flags := flag.NewFlagSet("otpgw "+name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.file, "config", "", "")
	do := sub(flags)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return help(stdout)
	}
	c.args = flags.Args()
	if err == nil && flags.NArg() > 0 && name != "ctl" && name != "restore" {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(stderr, "otpgw: %s: %v%s; see otpgw -help\n", name, err, belongs(name, args))
		return exitUsage
	}
	return do(ctx, c)
}

// serving is the subcommand that is the gateway; it needs no name.
const serving = "serve"

// named is the subcommand that arguments name, and what is behind its name.
func named(args []string) (string, []string) {
	if len(args) > 0 && len(args[0]) > 0 && args[0][0] != '-' {
		return args[0], args[1:]
	}
	return serving, args
}

// belongs names the subcommand that knows a flag of the arguments which the one that was named does not.
func belongs(to string, args []string) string {
	own := flag.NewFlagSet(to, flag.ContinueOnError)
	own.String("config", "", "")
	subcommands[to](own)
	for _, arg := range args {
		if word, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "="); own.Lookup(word) != nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(subcommands)) {
			flags := flag.NewFlagSet(name, flag.ContinueOnError)
			subcommands[name](flags)
			if word := strings.TrimLeft(arg, "-"); word != arg && flags.Lookup(word) != nil {
				return fmt.Sprintf(" (-%s belongs to otpgw %s)", word, name)
			}
		}
	}
	return ""
}

func help(w io.Writer) int {
	fmt.Fprint(w, usage)
	_ = config.Help(w)
	return exitOK
}

func versionCommand(*flag.FlagSet) func(context.Context, cli) int {
	return func(_ context.Context, c cli) int {
		fmt.Fprintln(c.stdout, "otpgw", version.Read())
		return exitOK
	}
}

func picsCommand(*flag.FlagSet) func(context.Context, cli) int {
	return func(_ context.Context, c cli) int {
		_ = link.Statement(c.stdout, fmt.Sprintf("otpgw %s:", version.Read())+" protocol implementation conformance statement")
		return exitOK
	}
}

func serveCommand(flags *flag.FlagSet) func(context.Context, cli) int {
	demo := flags.Bool("demo", false, "")
	return func(ctx context.Context, c cli) int {
		if *demo {
			return runDemo(ctx, c)
		}
		return serve(ctx, c)
	}
}
