package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/sethvargo/go-envconfig"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/logs"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// demoVars are the variables of the demo that are not the daemon's: the simulator's own, and where callbacks
// are shown.
type demoVars struct {
	SMPPAddr     string        `env:"SMSCSIM_SMPP_ADDR, default=127.0.0.1:2775"`
	HTTPAddr     string        `env:"SMSCSIM_HTTP_ADDR, default=127.0.0.1:8775"`
	ReceiptDelay time.Duration `env:"SMSCSIM_RECEIPT_DELAY, default=1s"`
	Keep         int           `env:"SMSCSIM_KEEP, default=10000"`
	CallbackAddr string        `env:"SMSCSIM_CALLBACK_ADDR, default=127.0.0.1:8081"`
}

// demo is what -demo runs beside the daemon.
type demo struct {
	sim      *smsc.Server
	received *receivedCallbacks
	server   *http.Server
	url      string // of the callback receiver
	ended    chan error
}

// runDemo starts a simulated SMSC and a receiver of callbacks in this process, and the daemon on them.
func runDemo(ctx context.Context, c cli) int {
	own, environ, err := c.lookup()
	if err != nil {
		return complain(c.stderr, err)
	}
	var vars demoVars
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &vars, Lookuper: own}); err != nil {
		fmt.Fprintf(c.stderr, "otpgw: the demo's configuration is wrong: %v\n", err)
		return exitUsage
	}
	log, flush := logs.New(c.stderr, config.LogAuto)
	defer flush()
	dm, err := startDemo(vars, log.Level(zerolog.WarnLevel))
	if err != nil {
		fmt.Fprintf(c.stderr, "otpgw: %v%s\n", err, remedy(err))
		return exitFailed
	}
	defer dm.close()
	lookup, environ := config.Demo(envconfig.MultiLookuper(own, envconfig.MapLookuper(map[string]string{
		"OTPGW_LINK_SIM_ADDR":         dm.sim.Addr(),
		"OTPGW_APP_DEMO_CALLBACK_URL": dm.url,
		"OTPGW_LOG_LEVEL":             "warn",
	})), environ)
	read := func(ctx context.Context) (*config.Config, error) { return config.Load(ctx, lookup, environ) }
	conf, err := read(ctx)
	if err != nil {
		return complain(c.stderr, err)
	}
	log, flushAll := logs.New(c.stderr, conf.LogFormat)
	defer flushAll()
	return runDaemon(ctx, conf, read, log, func(d *daemon) {
		dm.received.secret.Store(&conf.Apps[0].CallbackSecrets[0])
		dm.greet(c.stdout, d)
	})
}

func startDemo(vars demoVars, log zerolog.Logger) (*demo, error) {
	sim, err := smsc.Start(smsc.Config{
		SMPPAddr: vars.SMPPAddr, HTTPAddr: vars.HTTPAddr, ReceiptDelay: vars.ReceiptDelay, Keep: vars.Keep,
		Accounts: map[string]string{"demo": "demo"}, Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("the simulator cannot start: %w", err)
	}
	ln, err := net.Listen("tcp", vars.CallbackAddr)
	if err != nil {
		closeSim(sim)
		return nil, fmt.Errorf("SMSCSIM_CALLBACK_ADDR: %w", err)
	}
	dm := &demo{sim: sim, received: &receivedCallbacks{}, url: "http://" + ln.Addr().String() + "/callbacks", ended: make(chan error, 1)}
	dm.server = httpServer(dm.received.handler(), log)
	go func() { dm.ended <- serveHTTP(dm.server, ln) }()
	return dm, nil
}

// remedy says what to do about an error of startDemo.
func remedy(err error) string {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return ""
	}
	return "\nsomething listens there already: another demo? End it, or choose other ports with SMSCSIM_SMPP_ADDR, SMSCSIM_HTTP_ADDR,\n" +
		"SMSCSIM_CALLBACK_ADDR, OTPGW_HTTP_ADDR and OTPGW_ADMIN_ADDR (127.0.0.1:0 takes any that is free)"
}

func (dm *demo) close() {
	stopHTTP(dm.server, time.Second)
	<-dm.ended
	closeSim(dm.sim)
}

func closeSim(sim *smsc.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = sim.Close(ctx)
}

// greet prints what to do next, with the addresses that were really taken.
func (dm *demo) greet(w io.Writer, d *daemon) {
	apiURL := "http://" + reachable(d.apiLn.Addr().String())
	fmt.Fprintf(w, `otpgw is ready.
  API        %s
  simulator  smpp %s, http://%s
  callbacks  %s
  status     http://%s/

Ask for a PIN:
  curl -s -H 'X-API-KEY: demo-key' -H 'Content-Type: application/json' -d '{"phoneNumber":"+46700000001"}' %s/otp

Read the SMS that arrived:
  curl -s '%s/api/v1/messages/wait?to=46700000001&timeout=10s'

Ctrl-C ends it.
`, apiURL, dm.sim.Addr(), dm.sim.HTTPAddr(), dm.url, d.adminLn.Addr(), apiURL, "http://"+dm.sim.HTTPAddr())
}

// reachable turns a listener's address into one to connect to: any address becomes loopback.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}
