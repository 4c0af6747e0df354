package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/queue/backoff"
)

// verb is one thing that ctl asks of a daemon: the request that says it, and how its answer is shown.
type verb struct {
	name, args, help string
	method           string
	path             func(args []string) string
	show             func(w io.Writer, body []byte) error
}

// verbs are those of `otpgw ctl`; a new one is a row.
var verbs = []verb{
	{"links", "", "the links: state, rate, what is in flight, and what to ask the carrier", "GET", fixedPath("/links"), showLinks},
	{"pause", "LINK", "the link takes no more messages; its binds stay and receipts come", "POST", linkPath("pause"), showLink},
	{"resume", "LINK", "it takes messages again", "POST", linkPath("resume"), showLink},
	{"drain", "LINK", "pause, and wait until nothing is in flight", "POST", linkPath("drain"), showLink},
	{"rebind", "LINK", "unbind with care, and bind again at once", "POST", linkPath("rebind"), showLink},
	{"routes", "", "the routes: what waits, and which run on their backup", "GET", fixedPath("/routes"), showRoutes},
	{"otp", "ID|NUMBER", "an OTP's whole way with the time of each step; of a number, the newest OTPs", "GET", wayPath, showWays},
	{"daemons", "", "the daemons that share the store", "GET", fixedPath("/daemons"), showJSON},
	{"state", "", "a sum over the state of each daemon, at one position of the log; exit status 1 when they differ", "POST", fixedPath("/state"), showStates},
	{"reload", "", "read the configuration again; a wrong one changes nothing", "POST", fixedPath("/reload"), showJSON},
	{"dead", "[list | replay | drop] [SEQUENCE | app=APP | kind=KIND | host=HOST | otp=ID]...", "dead letters: of one sequence, or all that fit", "", deadPath, showJSON},
	{"endpoints", "", "callback URLs that are disabled", "GET", fixedPath("/endpoints"), showJSON},
	{"enable", "ID", "let callbacks go to a URL again", "POST", fixedPath("/endpoints/enable"), showJSON},
	{"optout", "APP NUMBER", "the number wants no messages of the application, as if its owner had written STOP", "POST", fixedPath("/optouts/add"), showJSON},
	{"optin", "APP NUMBER", "it wants them again", "POST", fixedPath("/optouts/remove"), showJSON},
	{"optedout", "APP NUMBER", "whether it wants none", "POST", fixedPath("/optouts/show"), showJSON},
	{"donotsend", "[list | add | remove] [NUMBER | PREFIX*]", "the numbers that nothing is sent to, whatever the application", "", doNotSendPath, showJSON},
	{"guard", "list | unblock PREFIX | allow PREFIX [for 1h] | deny PREFIX [for 1h]", "numbers that begin so are sent to, or not, whatever the guard finds", "", guardPath, showJSON},
	{"quotas", "", "what the applications have used of their quotas", "GET", fixedPath("/quotas"), showQuotas},
	{"forget", "NUMBER", "erase what is kept of a number, in the whole cluster; its PINs are good no more, and opt-outs stay, as a hash", "POST", fixedPath("/forget"), showJSON},
	{"loglevel", "LEVEL", "until the next start or reload", "POST", func(a []string) string { return "/loglevel/" + url.PathEscape(a[0]) }, showJSON},
	{"ready", "", "exit status 0 when the gateway is ready", "GET", fixedPath("/readyz"), func(io.Writer, []byte) error { return nil }},
	{"pprof", "NAME", "a profile: heap, goroutine, profile (5 s of CPU), to standard output", "GET",
		func(a []string) string { return operator.PprofPath + url.PathEscape(a[0]) + "?seconds=5" }, showRaw},
}

func fixedPath(path string) func([]string) string { return func([]string) string { return path } }

func linkPath(action string) func([]string) string {
	return func(args []string) string { return "/links/" + url.PathEscape(args[0]) + "/" + action }
}

// deadPath is of one dead letter, or of all that name=value says: a replay or a drop without either is
// refused.
func deadPath(args []string) string {
	if len(args) == 0 {
		return "/dlq"
	}
	path, suffix := "/dlq", map[string]string{"replay": "/replay"}[args[0]]
	if len(args) == 2 && !strings.Contains(args[1], "=") {
		return path + "/" + url.PathEscape(args[1]) + suffix
	}
	query := make(url.Values)
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		query.Set(name, value)
	}
	return path + suffix + "?" + query.Encode()
}

// doNotSendPath is of the whole list, or of what is done to it.
func doNotSendPath(args []string) string {
	if len(args) < 2 {
		return "/donotsend"
	}
	return "/donotsend/" + url.PathEscape(args[0])
}

// takes tells whether a verb is given what it needs.
func (v verb) takes(args []string) bool {
	if v.name == "guard" {
		return guardTakes(args)
	}
	if v.name == "dead" {
		return len(args) == 0 || args[0] == "list" || len(args) > 1 && (args[0] == "replay" || args[0] == "drop")
	}
	if v.name == "donotsend" {
		return len(args) == 0 || len(args) == 1 && args[0] == "list" || len(args) == 2 && (args[0] == "add" || args[0] == "remove")
	}
	return len(args) == len(strings.Fields(v.args))
}

// request is the method and the body.
func (v verb) request(args []string) (method string, body []byte) {
	switch {
	case v.name == "enable":
		body, _ = json.Marshal(map[string]string{"id": args[0]}) // a string
	case v.name == "guard":
		return guardRequest(args)
	case v.name == "forget":
		body, _ = json.Marshal(map[string]string{"number": args[0]}) // a string
	case strings.HasPrefix(v.name, "opt") && len(args) == 2:
		body, _ = json.Marshal(operator.OptOut{App: args[0], Number: args[1]}) // strings
	case v.name == "donotsend" && len(args) < 2:
		return "GET", nil
	case v.name == "donotsend":
		body, _ = json.Marshal(map[string]string{"number": args[1]}) // a string
		return "POST", body
	case v.name == "dead" && len(args) > 0 && args[0] != "list":
		return map[string]string{"replay": "POST", "drop": "DELETE"}[args[0]], nil
	case v.name == "dead":
		return "GET", nil
	}
	return v.method, body
}

// guardTakes: list, unblock PREFIX, or allow and deny with PREFIX and, it may be, for DURATION.
func guardTakes(args []string) bool {
	switch {
	case len(args) == 1:
		return args[0] == "list"
	case len(args) == 2:
		return args[0] == "allow" || args[0] == "deny" || args[0] == "unblock"
	}
	return len(args) == 4 && (args[0] == "allow" || args[0] == "deny") && args[2] == "for"
}

// guardRequest is the method and the body of what guardTakes.
func guardRequest(args []string) (method string, body []byte) {
	if args[0] == "list" {
		return http.MethodGet, nil
	}
	asked := operator.BlockRequest{Prefix: args[1]}
	if !strings.HasPrefix(asked.Prefix, "+") {
		asked.Prefix = "+" + asked.Prefix
	}
	if len(args) == 4 {
		asked.For = args[3]
	}
	body, _ = json.Marshal(asked) // strings
	return http.MethodPost, body
}

func guardPath(args []string) string {
	if args[0] == "list" {
		return "/guard"
	}
	return "/guard/" + args[0]
}

// wayPath is of `otpgw ctl otp`.
func wayPath(args []string) string {
	return operator.WaysPath + "?of=" + url.QueryEscape(strings.Join(args, " "))
}

func ctlUsage() string {
	var b strings.Builder
	b.WriteString("otpgw ctl [-config FILE] [-here] VERB asks a running gateway, at OTPGW_ADMIN_ADDR with OTPGW_ADMIN_TOKEN. What changes something\n" +
		"is done by all daemons that share its store, and it says which did it; with -here by that daemon alone. A paused link stays\n" +
		"paused, restarts included, until it is resumed.\n")
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, v := range append(slices.Clone(verbs), backupOf) {
		fmt.Fprintf(tw, "  %s %s\t%s\n", v.name, v.args, v.help)
	}
	tw.Flush()
	return b.String()
}

// backupOf has an answer that goes into a file.
var backupOf = verb{name: "backup", args: "FILE", help: "all that is stored, while the gateway works; otpgw restore FILE makes a store of it"}

func ctlCommand(flags *flag.FlagSet) func(context.Context, cli) int {
	here := flags.Bool("here", false, "")
	return func(ctx context.Context, c cli) int {
		if len(c.args) == 0 {
			fmt.Fprint(c.stderr, ctlUsage())
			return exitUsage
		}
		if len(c.args) == 2 && c.args[0] == backupOf.name {
			return c.backupTo(ctx, c.args[1])
		}
		for _, v := range verbs {
			if v.name == c.args[0] && v.takes(c.args[1:]) {
				return c.ask(ctx, v, c.args[1:], *here)
			}
		}
		fmt.Fprintf(c.stderr, "otpgw ctl: %q is no verb with its arguments\n%s", strings.Join(c.args, " "), ctlUsage())
		return exitUsage
	}
}

// ask makes a verb's request and shows its answer.
func (c cli) ask(ctx context.Context, v verb, args []string, here bool) int {
	at, err := c.adminPort()
	if err != nil {
		return complain(c.stderr, err)
	}
	method, payload := v.request(args)
	path := v.path(args)
	if here && !strings.Contains(path, "?") {
		path += "?here"
	}
	for {
		status, body, err := at.send(ctx, method, path, payload)
		if err != nil {
			fmt.Fprintf(c.stderr, "otpgw ctl: %v; OTPGW_ADMIN_ADDR says where the gateway is\n", err)
			return exitFailed
		}
		var said struct {
			Error  string
			Faults []string
			operator.Done
		}
		_ = json.Unmarshal(body, &said) // a list has none of these
		if status != http.StatusOK {
			fmt.Fprintf(c.stderr, "otpgw ctl: %s\n", strings.Join(append([]string{said.Error}, said.Faults...), "\n  "))
			return exitFailed
		}
		if v.name == "drain" && left(said.Done) > 0 {
			if backoff.Sleep(ctx, drainPoll) != nil {
				return exitFailed
			}
			continue
		}
		if err := v.show(c.stdout, body); err != nil {
			fmt.Fprintf(c.stderr, "otpgw ctl: %v\n", err)
			return exitFailed
		}
		return c.showDone(said.Done)
	}
}

// drainPoll is how often `otpgw ctl drain` looks.
const drainPoll = 300 * time.Millisecond

// left is what the daemons have in flight yet.
func left(o operator.Done) (n int) {
	for _, d := range o.Daemons {
		n += d.Left
	}
	return n
}

// showDone says which daemons of several did it, and is a failure when not all have.
func (c cli) showDone(o operator.Done) int {
	code := exitOK
	for _, d := range o.Daemons {
		switch {
		case d.Error != "":
			code = exitFailed
			fmt.Fprintf(c.stderr, "not done by %s: %s\n", d.Daemon, d.Error)
		case len(o.Daemons) > 1:
			fmt.Fprintf(c.stderr, "done by %s\n", d.Daemon)
		}
	}
	if o.Warning != "" {
		code = exitFailed
		fmt.Fprintf(c.stderr, "otpgw ctl: %s\n", o.Warning)
	}
	return code
}
