// Package config turns the environment into the daemon's configuration: typed, checked, and whole or not
// at all.
//
// Data flows one way: an envconfig.Lookuper (the environment, or a map in tests) gives text; go-envconfig
// sorts it into structs of strings, one for the daemon and one for each application, link and route, and
// fills in the defaults; this package checks the strings and makes otp.App, link.Config and routes of
// them. Decoding into strings first is what lets one run report every fault and not only the first.
//
// Decisions:
//   - An empty value is an unset one: compose files and unit files pass what they lack as empty.
//   - A secret may be in a file, NAME_FILE; no secret's text is ever in an error or in Print's output.
//   - A duration is a number of seconds or has a unit: OTPGW_APP_SHOP_TTL is 300 or 5m.
//   - A callback secret that is not given is derived from the secret key (DeriveCallbackSecret), so there
//     is nothing to store; it changes when the secret key does. `otpgw check` says how to see it.
//   - A daemon without applications is a fault. Without links it is one too, unless an external NATS
//     cluster is used: then other daemons there may own the links.
//
// Variables is the table that the help text, the README and the order of Print come from.
package config

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/sethvargo/go-envconfig"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/smpp/link"
)

// Config is a configuration without a fault. It is built once at start, then only read.
type Config struct {
	HTTPAddr  string // host:port; the port may be 0
	AdminAddr string
	DataDir   string
	NATS      NATS
	SecretKey []byte // 32 bytes; nil until UseKey when OTPGW_SECRET_KEY is not set

	LogLevel  zerolog.Level
	LogFormat LogFormat

	AuthFailures int // per minute and address; 0 is no limit
	Prices       Prices

	Apps   []otp.App // CallbackSecret is empty until the secret key is known, see UseKey
	Links  []link.Config
	Routes []Route

	CallbackAllow []netip.Prefix // addresses that callbacks may reach although private
	CORSOrigins   []string       // whose pages may use the API

	Warnings []Fault // what deserves a look and stops nothing

	router   router
	settings settings
}

// NATS says which NATS is used. With an empty URL it is a server inside the process.
type NATS struct {
	URL        string // one or several, comma-separated
	Creds      string // path of a credentials file
	Replicas   int
	Sync       time.Duration // fsync interval of the embedded store
	SyncAlways bool          // fsync each write; Sync is 0 then
}

// LogFormat is the form of log lines.
type LogFormat string

// The values of OTPGW_LOG_FORMAT.
const (
	LogAuto    LogFormat = "auto" // console on a terminal, else JSON
	LogJSON    LogFormat = "json"
	LogConsole LogFormat = "console"
)

// Console tells whether log lines are for eyes, given whether they go to a terminal.
func (f LogFormat) Console(terminal bool) bool {
	return f == LogConsole || f == LogAuto && terminal
}

// daemonVars are the daemon's own variables as text.
type daemonVars struct {
	HTTPAddr      string  `env:"OTPGW_HTTP_ADDR, default=:8080"`
	AdminAddr     string  `env:"OTPGW_ADMIN_ADDR, default=127.0.0.1:9090"`
	DataDir       string  `env:"OTPGW_DATA_DIR, default=./data"`
	NATSURL       urlText `env:"OTPGW_NATS_URL"`
	NATSCreds     string  `env:"OTPGW_NATS_CREDS"`
	NATSReplicas  string  `env:"OTPGW_NATS_REPLICAS, default=1"`
	NATSSync      string  `env:"OTPGW_NATS_SYNC, default=1s"`
	SecretKey     secret  `env:"OTPGW_SECRET_KEY"`
	LogLevel      string  `env:"OTPGW_LOG_LEVEL, default=info"`
	LogFormat     string  `env:"OTPGW_LOG_FORMAT, default=auto"`
	AuthFailures  string  `env:"OTPGW_AUTH_FAILURES, default=20"`
	Prices        string  `env:"OTPGW_PRICES"`
	Apps          string  `env:"OTPGW_APPS"`
	Links         string  `env:"OTPGW_LINKS"`
	Routes        string  `env:"OTPGW_ROUTES, default=default"`
	CallbackAllow string  `env:"OTPGW_CALLBACK_ALLOW"`
	CORSOrigins   string  `env:"OTPGW_CORS_ORIGINS"`
}

// loader is one run of Load.
type loader struct {
	ctx     context.Context
	source  source
	environ []string // names of variables that are set
	known   known
	vars    *daemonVars
	config  *Config
	*report
}

// Load reads and checks the configuration. The values come from lookup; environ lists the variables that
// are set, as names or as os.Environ gives them, from which templates by language are found and slips of
// typing are reported. On any fault the error is an *Error with all of them, and there is no Config.
func Load(ctx context.Context, lookup envconfig.Lookuper, environ []string) (*Config, error) {
	out := new(report)
	l := &loader{
		ctx:     ctx,
		source:  source{lookup: lookup, report: out},
		environ: cleanNames(environ),
		known:   make(known),
		vars:    new(daemonVars),
		config:  new(Config),
		report:  out,
	}
	if err := l.load(); err != nil {
		return nil, err
	}
	if err := out.err(); err != nil {
		return nil, err
	}
	l.config.Warnings = out.warnings
	return l.config, nil
}

// load goes through the variables in the order of the table, so that faults come in that order. Its
// error is a broken struct tag, not a fault of the configuration.
func (l *loader) load() error {
	s := l.scope("")
	if err := s.fill(l.ctx, l.vars); err != nil {
		return err
	}
	l.known.addDaemon()
	l.readListeners(s)
	l.readNATS(s)
	l.config.SecretKey = s.secretKey(l.vars.SecretKey, "OTPGW_SECRET_KEY")
	l.readLog(s)
	l.config.AuthFailures = s.integer(&l.vars.AuthFailures, "OTPGW_AUTH_FAILURES", 0, authFailuresMax)
	l.readPrices(s)
	for _, read := range []func(scope) error{l.readApps, l.readLinks, l.readRoutes} {
		if err := read(s); err != nil {
			return err
		}
	}
	l.readCallbackAllow(s)
	l.readCORS(s)
	l.warnPrivateCallbacks()
	warnUnknown(l.report, l.environ, l.known)
	l.config.settings.daemon = l.vars
	if l.config.SecretKey == nil {
		if l.vars.NATSURL != "" {
			s.warn("OTPGW_SECRET_KEY", "is not set: every daemon on one NATS cluster needs the same key, and this one makes its own")
		}
		return nil
	}
	return l.config.UseKey(l.config.SecretKey)
}

func (l *loader) scope(prefix string) scope {
	return scope{prefix: prefix, source: l.source, report: l.report}
}

func (l *loader) readListeners(s scope) {
	v, c := l.vars, l.config
	c.HTTPAddr = s.address(&v.HTTPAddr, "OTPGW_HTTP_ADDR", false)
	c.AdminAddr = s.address(&v.AdminAddr, "OTPGW_ADMIN_ADDR", false)
	if c.HTTPAddr == c.AdminAddr && !strings.HasSuffix(c.HTTPAddr, ":0") {
		s.fault("OTPGW_ADMIN_ADDR", "is the address of OTPGW_HTTP_ADDR; give it another port")
	}
	c.DataDir = s.directory(&v.DataDir, "OTPGW_DATA_DIR")
}

func (l *loader) readNATS(s scope) {
	v, n := l.vars, &l.config.NATS
	n.URL = s.natsURLs((*string)(&v.NATSURL), "OTPGW_NATS_URL")
	s.file(&v.NATSCreds, "OTPGW_NATS_CREDS")
	n.Creds = v.NATSCreds
	n.Replicas = s.integer(&v.NATSReplicas, "OTPGW_NATS_REPLICAS", 1, 5)
	if n.SyncAlways = v.NATSSync == "always"; !n.SyncAlways {
		n.Sync = s.duration(&v.NATSSync, "OTPGW_NATS_SYNC", 100*time.Millisecond, 5*time.Minute, time.Millisecond)
	}
	if n.URL != "" {
		return
	}
	if n.Creds != "" {
		s.warn("OTPGW_NATS_CREDS", "is not used: OTPGW_NATS_URL names no external cluster")
	}
	if n.Replicas > 1 {
		s.fault("OTPGW_NATS_REPLICAS", "the embedded server keeps 1 copy; set OTPGW_NATS_URL to a cluster, or leave this at 1")
	}
}

// natsURLs checks a list of server URLs. They may hold a token, so no fault shows them.
func (s scope) natsURLs(value *string, key string) string {
	for i, text := range s.list(value, key) {
		if text != "" && !natsURL.MatchString(text) {
			s.fault(s.prefix+key, "element %d is no NATS server; write it as nats://host:4222 (or tls://, ws://, wss://)", i+1)
		}
	}
	return *value
}

func (l *loader) readLog(s scope) {
	v := l.vars
	word := s.oneOf(&v.LogLevel, "OTPGW_LOG_LEVEL", "trace", "debug", "info", "warn", "error", "disabled")
	l.config.LogLevel, _ = zerolog.ParseLevel(word) // oneOf has judged it
	l.config.LogFormat = LogFormat(s.oneOf(&v.LogFormat, "OTPGW_LOG_FORMAT", string(LogAuto), string(LogJSON), string(LogConsole)))
}

// readCallbackAllow reads networks; a single address is taken for a network of its own.
func (l *loader) readCallbackAllow(s scope) {
	const key = "OTPGW_CALLBACK_ALLOW"
	var shown []string
	for _, text := range s.list(&l.vars.CallbackAllow, key) {
		network, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil && addr.Zone() == "" {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		switch {
		case text == "": // list has said so
		case err != nil:
			s.bad(key, text, "a network like 10.0.0.0/8 or fd00::/8")
		case network.Addr().Is4In6():
			s.bad(key, text, "written as IPv4, like 10.0.0.0/8")
		default:
			l.config.CallbackAllow = append(l.config.CallbackAllow, network.Masked())
			shown = append(shown, network.Masked().String())
		}
	}
	l.vars.CallbackAllow = strings.Join(shown, ",")
}

// warnPrivateCallbacks names the applications whose callbacks would all be refused when they are dialled.
// What a host name stands for is known only then.
func (l *loader) warnPrivateCallbacks() {
	for _, app := range l.config.Apps {
		u, err := url.Parse(app.CallbackURL)
		if err != nil {
			continue
		}
		addr, err := netip.ParseAddr(u.Hostname())
		private := addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
		if err != nil || !private || slices.ContainsFunc(l.config.CallbackAllow, func(n netip.Prefix) bool { return n.Contains(addr) }) {
			continue
		}
		l.warn(appGroup+prefixOf(app.Name)+"_CALLBACK_URL", "is at the private address %s, which is refused; add it to OTPGW_CALLBACK_ALLOW", addr)
	}
}
