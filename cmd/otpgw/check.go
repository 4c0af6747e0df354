package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/logs"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/seal"
	"github.com/otpgw/otpgw/smpp/link"
)

// checkCommand loads, validates and prints the configuration. What deserves a look comes last, and has an
// exit status of its own, so that a script may refuse it.
func checkCommand(flags *flag.FlagSet) func(context.Context, cli) int {
	bind := flags.Bool("bind", false, "")
	store := flags.Bool("store", false, "")
	callbackSecret := flags.String("callback-secret", "", "")
	lookupSecret := flags.Bool("lookup-secret", false, "")
	return func(ctx context.Context, c cli) int {
		conf, err := c.load(ctx)
		if err != nil {
			return complain(c.stderr, err)
		}
		if *callbackSecret != "" || *lookupSecret {
			return printSecret(conf, *callbackSecret, c.stdout, c.stderr)
		}
		if err := conf.Print(c.stdout); err != nil {
			fmt.Fprintf(c.stderr, "otpgw: %v\n", err)
			return exitFailed
		}
		if err := config.PrintRestarts(c.stdout); err != nil {
			fmt.Fprintf(c.stderr, "otpgw: %v\n", err)
			return exitFailed
		}
		if err := tellCapacity(conf, c.stdout); err != nil {
			return complain(c.stderr, err)
		}
		tellKey(conf, c.stdout)
		tellCertificate("OTPGW_TLS_CERT_FILE", conf.TLS, c.stdout)
		tellCertificate("OTPGW_ADMIN_TLS_CERT_FILE", conf.AdminTLS, c.stdout)
		if err := conf.Routing(c.stdout); err != nil {
			fmt.Fprintf(c.stderr, "otpgw: %v\n", err)
			return exitFailed
		}
		code := exitOK
		if *bind {
			code = tryLinks(ctx, conf.Links, c)
		}
		if *store && !checkStore(ctx, conf, c) {
			code = exitFailed
		}
		if warned(slices.Concat(conf.Warnings, syncWarnings(conf), memoryWarnings(conf)), c.stderr) && code == exitOK {
			code = exitWarnings
		}
		return code
	}
}

// checkStore opens the store, compares what was stored with what is there, and says so.
func checkStore(ctx context.Context, conf *config.Config, c cli) bool {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	log, flush := logs.New(c.stderr, conf.LogFormat)
	defer flush()
	o := storeOptions(conf, log.Level(zerolog.WarnLevel))
	o.Check = true
	q, err := queue.Open(ctx, o)
	if err != nil {
		fmt.Fprintf(c.stderr, "otpgw: the store: %v\n", err)
		return false
	}
	lost := q.Lost()
	fmt.Fprintf(c.stdout, "# the store: %s\n", lost)
	return q.Close(ctx) == nil && lost.Total() == 0
}

// longestSync is how much of what was promised may go with the power before it is worth a warning.
const longestSync = 10 * time.Second

// syncWarnings tell of a store that syncs to its disk rarely. An external server does so every two minutes by
// default, and nothing in its protocol tells: neither INFO nor $JS.API has it. So the operator repeats it to
// the daemon.
func syncWarnings(c *config.Config) []config.Fault {
	n := c.NATS
	say := func(text string) []config.Fault { return []config.Fault{{Variable: "OTPGW_NATS_SYNC", Text: text}} }
	switch {
	case n.URL != "" && !c.SyncSet():
		return say("is not set: the NATS servers cannot be asked how often they sync to their disks; by default it is every 2 minutes, and what was " +
			"accepted in them is lost where all copies lose their power at once. Set sync_interval in their configuration to 1s, or always, and say the same here")
	case !n.SyncAlways && n.Sync > longestSync:
		return say(fmt.Sprintf("%s: what was accepted in that time is lost where the power fails; 1s costs nothing that can be measured", n.Sync))
	}
	return nil
}

// tellKey says where the secret key is that no variable gives.
func tellKey(conf *config.Config, w io.Writer) {
	if conf.SecretKey != nil {
		return
	}
	key := conf.SecretKeyFile()
	if _, err := os.Stat(key); err == nil {
		fmt.Fprintf(w, "# the secret key is in %s\n", key)
	} else {
		fmt.Fprintf(w, "# the first start will generate a secret key into %s\n", key)
	}
}

// tellCertificate says whose a certificate is, and until when.
func tellCertificate(variable string, k config.KeyPair, w io.Writer) {
	if k.Set() {
		fmt.Fprintf(w, "# %s: the certificate of %s is valid until %s\n", variable, strings.Join(k.Names, ", "), k.NotAfter.UTC().Format(time.DateTime))
	}
}

// tryLinks binds each link.
func tryLinks(ctx context.Context, links []link.Config, c cli) int {
	failed := 0
	for _, cfg := range links {
		if err := link.Probe(ctx, cfg, c.stdout); err != nil {
			failed++
		}
	}
	if failed > 0 {
		fmt.Fprintf(c.stderr, "otpgw: %d of %d links failed\n", failed, len(links))
		return exitFailed
	}
	return exitOK
}

// warned prints the warnings, and tells whether there are any.
func warned(warnings []config.Fault, w io.Writer) bool {
	if len(warnings) == 0 {
		return false
	}
	noun := "warnings"
	if len(warnings) == 1 {
		noun = "warning"
	}
	fmt.Fprintf(w, "otpgw: %d %s:\n", len(warnings), noun)
	for _, warning := range warnings {
		fmt.Fprintf(w, "  %s\n", warning)
	}
	return true
}

// printSecret prints the secret that signs an application's callbacks, or without one that of the lookup,
// given or derived, for whoever writes the receiver. It is the one command that shows a secret.
func printSecret(c *config.Config, app string, stdout, stderr io.Writer) int {
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
	if app == "" {
		fmt.Fprintln(stdout, c.Lookup.Secret)
		return exitOK
	}
	for i := range c.Apps {
		if c.Apps[i].Name == app {
			fmt.Fprintln(stdout, c.Apps[i].CallbackSecrets[0])
			return exitOK
		}
	}
	fmt.Fprintf(stderr, "otpgw: OTPGW_APPS names no application %q\n", app)
	return exitUsage
}
