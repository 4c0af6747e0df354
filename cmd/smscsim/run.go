package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"otpgw/smpp/smsc"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// closeTimeout bounds the clean end: unbind to every peer and its answer.
const closeTimeout = 5 * time.Second

const usage = `smscsim is a simulated SMSC: applications bind to it over SMPP 3.4 and send, tests read over HTTP what came.

usage:
  smscsim [flags]
  smscsim version

flags, and the environment variables they replace:
  -smpp host:port      SMSCSIM_SMPP_ADDR      where SMPP listens (127.0.0.1:2775)
  -http host:port      SMSCSIM_HTTP_ADDR      where HTTP listens (127.0.0.1:8775); off: no HTTP
  -accounts list       SMSCSIM_ACCOUNTS       who may bind: system_id:password,... (empty: anybody)
  -receipt-delay time  SMSCSIM_RECEIPT_DELAY  from the answer to the delivery receipt (1s)
  -keep n              SMSCSIM_KEEP           messages kept, the newest (10000)

examples:
  smscsim
  smscsim -accounts alice:secret1,bob:secret2 -receipt-delay 200ms
  smscsim -smpp 127.0.0.1:0 -http 127.0.0.1:0        free ports; the line printed when it is ready names them

  curl 'http://127.0.0.1:8775/api/v1/messages/wait?to=491701234567&timeout=10s'
      the next message to that number, with the code in it; also one that came before the call
  curl 'http://127.0.0.1:8775/api/v1/messages/wait?to=491701234567&pattern=PIN%20(%5CS%2B)'
      the same, with the code found by a pattern of your own
  curl 'http://127.0.0.1:8775/api/v1/messages?to=491701234567&limit=5'
  curl -X DELETE http://127.0.0.1:8775/api/v1/messages
  curl http://127.0.0.1:8775/healthz
`

// command is one run of smscsim.
type command struct {
	args           []string
	getenv         func(string) string
	stdout, stderr io.Writer
}

// run works until ctx ends and returns the exit status.
func (c command) run(ctx context.Context) int {
	if len(c.args) == 1 && c.args[0] == "version" {
		fmt.Fprintln(c.stdout, "smscsim", version())
		return exitOK
	}
	cfg, err := c.config()
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(c.stdout, usage)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "smscsim: %v\nsmscsim -help shows the flags\n", err)
		return exitUsage
	}
	srv, err := smsc.Start(cfg)
	if err != nil {
		fmt.Fprintf(c.stderr, "smscsim: %v%s\n", err, remedy(err))
		return exitFailed
	}
	fmt.Fprintln(c.stdout, ready(srv, cfg))
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := srv.Close(end); err != nil {
		fmt.Fprintf(c.stderr, "smscsim: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// ready is the line that says where to connect.
func ready(srv *smsc.Server, cfg smsc.Config) string {
	who := "any system_id may bind"
	if n := len(cfg.Accounts); n == 1 {
		who = "1 account may bind"
	} else if n > 1 {
		who = fmt.Sprintf("%d accounts may bind", n)
	}
	line := "smscsim is ready: SMPP on " + srv.Addr()
	if srv.HTTPAddr() != "" {
		line += ", HTTP on http://" + srv.HTTPAddr()
	}
	return line + ", " + who
}

// setting is one value that has a flag and an environment variable.
type setting struct {
	flag, env, preset string
	parse             func(cfg *smsc.Config, value string) error
}

var settings = []setting{
	{"smpp", "SMSCSIM_SMPP_ADDR", "127.0.0.1:2775", func(cfg *smsc.Config, v string) error {
		cfg.SMPPAddr = v
		return checkAddr(v)
	}},
	{"http", "SMSCSIM_HTTP_ADDR", "127.0.0.1:8775", func(cfg *smsc.Config, v string) error {
		if v == "off" {
			return nil
		}
		cfg.HTTPAddr = v
		return checkAddr(v)
	}},
	{"accounts", "SMSCSIM_ACCOUNTS", "", func(cfg *smsc.Config, v string) (err error) {
		cfg.Accounts, err = parseAccounts(v)
		return err
	}},
	{"receipt-delay", "SMSCSIM_RECEIPT_DELAY", "1s", func(cfg *smsc.Config, v string) (err error) {
		cfg.ReceiptDelay, err = time.ParseDuration(v)
		if err != nil || cfg.ReceiptDelay < 0 {
			return errors.New("want a duration such as 500ms, 0s or more")
		}
		return nil
	}},
	{"keep", "SMSCSIM_KEEP", "10000", func(cfg *smsc.Config, v string) (err error) {
		cfg.Keep, err = strconv.Atoi(v)
		if err != nil || cfg.Keep < 1 {
			return errors.New("want a number of messages, 1 or more")
		}
		return nil
	}},
}

// config reads flags, then the environment, then the defaults; all faults are reported together.
func (c command) config() (smsc.Config, error) {
	fs := flag.NewFlagSet("smscsim", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	values := make([]*string, len(settings))
	for i, s := range settings {
		values[i] = fs.String(s.flag, cmp.Or(c.getenv(s.env), s.preset), "")
	}
	if err := fs.Parse(c.args); err != nil {
		return smsc.Config{}, err
	}
	if fs.NArg() > 0 {
		return smsc.Config{}, fmt.Errorf("unknown argument %q", fs.Arg(0))
	}
	cfg := smsc.Config{Log: zerolog.New(logWriter(c.stderr)).With().Timestamp().Logger()}
	var faults []error
	for i, s := range settings {
		if err := s.parse(&cfg, *values[i]); err != nil {
			faults = append(faults, fmt.Errorf("-%s, %s: %w", s.flag, s.env, err))
		}
	}
	return cfg, errors.Join(faults...)
}

// logWriter makes log lines for people on a terminal, JSON elsewhere.
func logWriter(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
		}
	}
	return w
}

func checkAddr(v string) error {
	if _, _, err := net.SplitHostPort(v); err != nil {
		return fmt.Errorf("%q is not host:port", v)
	}
	return nil
}

// parseAccounts reads system_id:password,... Its errors hold no password.
func parseAccounts(v string) (map[string]string, error) {
	if strings.TrimSpace(v) == "" {
		return nil, nil
	}
	accounts := make(map[string]string)
	for i, item := range strings.Split(v, ",") {
		id, password, ok := strings.Cut(strings.TrimSpace(item), ":")
		if !ok || id == "" {
			return nil, fmt.Errorf("entry %d is not system_id:password", i+1)
		}
		if _, twice := accounts[id]; twice {
			return nil, fmt.Errorf("system_id %s is there twice", id)
		}
		accounts[id] = password
	}
	return accounts, nil
}

// remedy says what to do about an error of Start.
func remedy(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return "\nsomething listens there already: another smscsim? End it, or choose other addresses with -smpp and -http"
	}
	return ""
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	return cmp.Or(v, "(devel)") + " " + info.GoVersion
}
