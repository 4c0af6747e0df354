package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/cmd/internal/version"
	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/conform"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// closeTimeout bounds the clean end: unbind to every peer and its answer.
const closeTimeout = 5 * time.Second

// outbindTimeout bounds one outbind, outbindPause is the time to the next.
const (
	outbindTimeout = 10 * time.Second
	outbindPause   = 5 * time.Second
)

const usage = `smscsim is a simulated SMSC: applications bind to it over SMPP 3.4 and send, tests read over HTTP what came.

usage:
  smscsim [flags]
  smscsim formats           the names that -receipt-format, -id-format and rules take, with a sample of each
  smscsim magic             the numbers that choose their own outcome
  smscsim pics              what is done with each PDU and field of SMPP 3.4, and what is refused (Markdown)
  smscsim version

flags, and the environment variables they replace; -config is a file with any of them, by the name in brackets:
  -config file         SMSCSIM_CONFIG             JSON; flags and environment win over it
  -smpp host:port      SMSCSIM_SMPP_ADDR          where SMPP listens (127.0.0.1:2775)  [smpp]
  -tls host:port       SMSCSIM_TLS_ADDR           where SMPP over TLS listens (off)  [tls]
  -tls-cert file       SMSCSIM_TLS_CERT           its certificate, PEM; left out: one is made  [tlsCert]
  -tls-key file        SMSCSIM_TLS_KEY            and the key of it  [tlsKey]
  -tls-write file      SMSCSIM_TLS_WRITE          where the certificate that is made is written, for clients to trust  [tlsWrite]
  -http host:port      SMSCSIM_HTTP_ADDR          where HTTP listens (127.0.0.1:8775); off: no HTTP  [http]
  -accounts list       SMSCSIM_ACCOUNTS           who may bind: system_id:password,... (empty: anybody)  [accounts, with limits]
  -receipt-delay time  SMSCSIM_RECEIPT_DELAY      from the answer to the delivery receipt (1s)  [receiptDelay]
  -receipt-format name SMSCSIM_RECEIPT_FORMAT     layout of receipts (standard)  [receiptFormat]
  -id-format name      SMSCSIM_ID_FORMAT          of message ids (decimal)  [idFormat]
  -receipt-id-format   SMSCSIM_RECEIPT_ID_FORMAT  of message ids in receipts (as in the answer)  [receiptIdFormat]
  -keep n              SMSCSIM_KEEP               messages kept, the newest (10000)  [keep]
  -seed n              SMSCSIM_SEED               makes a run repeatable; 0: each run is another (0)  [seed]
  -alphabet name       SMSCSIM_ALPHABET           what data_coding 0 and names of senders are in: gsm7, gsm7-packed, latin1, ascii (gsm7)  [alphabet]
  -strict on|off       SMSCSIM_STRICT             refuse what SMPP 3.4 lets an SMSC refuse: smscsim pics (on)  [strict]
  -error-bodies which  SMSCSIM_ERROR_BODIES       responses with an error that have a body: spec, all, none (spec)  [errorBodies]
  -magic on|off        SMSCSIM_MAGIC              the last four digits of a number choose its outcome (on)  [magic]
  -outbind host:port   SMSCSIM_OUTBIND            connect there and ask for a bind_receiver (off)  [outbind]

examples:
  smscsim
  smscsim -accounts alice:secret1,bob:secret2 -receipt-delay 200ms
  smscsim -smpp 127.0.0.1:0 -http 127.0.0.1:0        free ports; the line printed when it is ready names them
  smscsim -id-format hex-upper -receipt-id-format decimal
  smscsim -config carrier.json -seed 7

  carrier.json, all of it may be left out; rules are tried in their order, the first that matches decides:
    {
      "receiptDelay": "500ms",
      "limits": {"throughput": 100, "window": 10, "latency": {"kind": "normal", "mean": "40ms", "dev": "10ms"}},
      "accounts": [{"systemId": "alice", "password": "secret1", "limits": {"maxBinds": 2}}],
      "rules": [
        {"match": {"to": "+4917", "text": "code"}, "share": 0.1, "submit": {"status": "ESME_RTHROTTLED"}},
        {"match": {"toPattern": "^359"}, "receipt": {"state": "UNDELIV", "err": "027", "format": "upper"}},
        {"match": {"from": "Shop"}, "count": 3, "submit": {"close": "before"}},
        {"match": {"account": "alice"}, "receipt": {"copies": 2, "delay": {"kind": "uniform", "min": "1s", "max": "9s"}}}
      ]
    }

  a number that ends in 9001 gets UNDELIV, in 9005 ESME_RTHROTTLED once, in 9008 a closed connection: smscsim magic

  curl 'http://127.0.0.1:8775/api/v1/messages/wait?to=491701234567&timeout=10s'
      the next message to that number, with the code in it; also one that came before the call
  curl 'http://127.0.0.1:8775/api/v1/messages/wait?to=491701234567&pattern=PIN%20(%5CS%2B)'
      the same, with the code found by a pattern of your own
  curl 'http://127.0.0.1:8775/api/v1/messages?to=491701234567&limit=5'
  curl -d '{"match":{"to":"4917"},"submit":{"status":"RTHROTTLED"}}' http://127.0.0.1:8775/api/v1/rules
  curl -d '{"from":"491701234567","to":"12345","text":"STOP"}' http://127.0.0.1:8775/api/v1/messages
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
	if len(c.args) == 1 && c.tell(c.args[0]) {
		return exitOK
	}
	o, err := c.config()
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(c.stdout, usage)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "smscsim: %v\nsmscsim -help shows the flags\n", err)
		return exitUsage
	}
	srv, err := smsc.Start(o.Config)
	if err != nil {
		fmt.Fprintf(c.stderr, "smscsim: %v%s\n", err, remedy(err))
		return exitFailed
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	if err = o.writeCert(srv); err == nil {
		fmt.Fprintln(c.stdout, ready(srv, o.Config))
		if o.outbind != "" {
			wg.Go(func() { outbind(ctx, srv, o) })
		}
		<-ctx.Done()
	} else {
		fmt.Fprintf(c.stderr, "smscsim: %v\n", err)
		defer srv.Close(ctx)
		return exitFailed
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := srv.Close(end); err != nil {
		fmt.Fprintf(c.stderr, "smscsim: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// tell prints what an argument asks for, and reports whether it asks for anything.
func (c command) tell(what string) bool {
	switch what {
	case "version", "-version", "--version":
		fmt.Fprintln(c.stdout, "smscsim", version.Read())
	case "magic":
		for _, m := range smsc.Magic() {
			fmt.Fprintf(c.stdout, "...%s  %s\n", m.Digits, m.What)
		}
	case "formats":
		list(c.stdout, "receipt formats", smsc.ReceiptFormats())
		list(c.stdout, "message id formats", smsc.IDFormats())
		list(c.stdout, "malformed answers", smsc.MalformedKinds())
		list(c.stdout, "wire faults", smsc.FaultKinds())
	case "pics":
		_ = conform.Statement(c.stdout, fmt.Sprintf("smscsim %s:", version.Read())+" protocol implementation conformance statement")
	default:
		return false
	}
	return true
}

// list prints names, below each a sample of what it is.
func list[T interface {
	~string
	Sample() string
}](w io.Writer, title string, names []T) {
	fmt.Fprintln(w, title+":")
	for _, n := range names {
		fmt.Fprintf(w, "  %s\n      %s\n", string(n), n.Sample())
	}
}

// outbind asks an ESME to bind, again and again until it does.
func outbind(ctx context.Context, srv *smsc.Server, o options) {
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, outbindTimeout)
		info, err := srv.Outbind(try, o.outbind, "smscsim", "")
		cancel()
		if err == nil {
			o.Log.Info().Str("account", info.Account).Str("session", info.ID).Msg("outbind was answered by a bind")
			return
		}
		o.Log.Warn().Err(err).Msg("outbind failed, it is tried again")
		_ = backoff.Sleep(ctx, outbindPause)
	}
}

// ready is the line that says where to connect.
func ready(srv *smsc.Server, cfg smsc.Config) string {
	who := "any system_id may bind"
	if n := len(cfg.Accounts) + len(cfg.AccountList); n == 1 {
		who = "1 account may bind"
	} else if n > 1 {
		who = fmt.Sprintf("%d accounts may bind", n)
	}
	line := "smscsim is ready: SMPP on " + srv.Addr()
	if srv.TLSAddr() != "" {
		line += ", over TLS on " + srv.TLSAddr()
	}
	if srv.HTTPAddr() != "" {
		line += ", HTTP on http://" + srv.HTTPAddr()
	}
	return line + ", " + who
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

// remedy says what to do about an error of Start.
func remedy(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return "\nsomething listens there already: another smscsim? End it, or choose other addresses with -smpp and -http"
	}
	return ""
}
