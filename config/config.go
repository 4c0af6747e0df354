// Package config turns the environment into the daemon's configuration: typed, checked, and whole or not
// at all.
//
// Each variable is written once, as a row of daemonRows, appRows, linkRows or routeRows: its name, its
// default, what it means and how it is read. A new variable is a new row. What all of them are (Variables),
// the help text, the README's table, the order of faults and of Print, which names are known and which may
// come as a file follow from the rows.
//
// Data flows one way: an envconfig.Lookuper (the environment, or a map in tests) gives text; go-envconfig
// sorts it into a struct of strings that the rows of one group describe, and fills in the defaults; the
// readers of the rows check the strings and put them into otp.App, link.Config and routes. Decoding into
// strings first is what lets one run report every fault and not only the first. A bound has its home where it
// is kept: those of a request in package otp, the size of a key in package seal.
//
// Decisions:
//   - An empty value is an unset one: compose files and unit files pass what they lack as empty.
//   - A secret may be in a file, NAME_FILE; no secret's text is ever in an error or in Print's output.
//   - A duration is a number of seconds or has a unit: OTPGW_APP_SHOP_TTL is 300 or 5m.
//   - A callback secret that is not given is derived from the secret key (DeriveCallbackSecret), so there
//     is nothing to store; it changes when the secret key does. `otpgw check` says how to see it.
//   - A daemon without applications is a fault. Without links it is one too, unless an external NATS
//     cluster is used: then other daemons there may own the links.
package config

import (
	"context"
	"net/netip"
	"time"

	"github.com/rs/zerolog"
	"github.com/sethvargo/go-envconfig"

	"github.com/otpgw/otpgw/dlr/cdr"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/donotsend"
	"github.com/otpgw/otpgw/smpp/link"
)

// Config is a configuration without a fault. It is built once at start, then only read.
type Config struct {
	HTTPAddr   string // host:port; the port may be 0
	AdminAddr  string
	TLS        KeyPair // of the API; empty: it speaks HTTP
	AdminTLS   KeyPair
	AdminAllow Networks
	AdminToken string // empty: in the data directory, see AdminTokenFile
	DataDir    string
	NATS       NATS
	SecretKey  []byte // 32 bytes; nil until UseKey when OTPGW_SECRET_KEY is not set

	OldKeys [][]byte // open what they sealed before the key was changed

	LogLevel  zerolog.Level
	LogFormat LogFormat

	AuthFailures   int // per minute and address; 0 is no limit
	TrustedProxies []netip.Prefix
	Prices         Prices
	DoNotSend      donotsend.Set // of the file
	Lookup         Lookup
	CDR            cdr.Settings
	Sharing        Sharing

	Apps   []otp.App // CallbackSecrets may be empty until the secret key is known, see UseKey
	Links  []link.Config
	Routes []Route

	CallbackAllow   []netip.Prefix // addresses that callbacks may reach although private
	CallbackTimeout time.Duration  // that a callback's receiver may take
	Retention       time.Duration  // how long an OTP is known after its PIN ran out
	StoreSize       int64          // octets that the store may take on disk; 0: a share of it
	Memory          int64          // octets that the process may take; 0: half of what the machine or the cgroup has
	CORSOrigins     []string       // whose pages may use the API
	Traces          Traces

	Warnings []Fault // what deserves a look and stops nothing

	router  router
	syncSet bool              // see SyncSet
	lines   map[string][]line // what Print writes, by group
}

// NATS says which NATS is used. With an empty URL it is a server inside the process.
type NATS struct {
	URL        string // one or several, comma-separated
	Creds      string // path of a credentials file
	Replicas   int
	Events     string        // first words of subjects that changes are published on; empty: none are
	Sync       time.Duration // fsync interval of the embedded store, or what the operator says of the external servers'
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

// SyncSet: OTPGW_NATS_SYNC is set, and so not a default that says nothing of external servers.
func (c *Config) SyncSet() bool { return c.syncSet }

// loader is one run of Load.
type loader struct {
	ctx     context.Context
	lookup  envconfig.Lookuper
	environ []string            // names of variables that are set
	known   known               // names that are read
	chosen  map[string][]string // what the environment put for <LANG>, by what stands before it
	broken  error               // a row that go-envconfig does not understand
	config  *Config
	*report
}

// Load reads and checks the configuration. The values come from lookup; environ lists the variables that
// are set, as names or as os.Environ gives them, from which templates by language are found and slips of
// typing are reported. On any fault the error is an *Error with all of them, and there is no Config.
func Load(ctx context.Context, lookup envconfig.Lookuper, environ []string) (*Config, error) {
	l := &loader{
		ctx:     ctx,
		lookup:  lookup,
		environ: cleanNames(environ),
		known:   make(known),
		chosen:  make(map[string][]string),
		config:  &Config{lines: make(map[string][]line)},
		report:  new(report),
	}
	l.known.addDaemon(daemonRows)
	l.config.lines[""] = readRows(l, "", daemonRows, l)
	if l.broken != nil {
		return nil, l.broken
	}
	l.warnPrivateCallbacks()
	warnUnknown(l.report, l.environ, l.known)
	if err := l.useKey(); err != nil {
		return nil, err
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	l.config.Warnings = l.warnings
	return l.config, nil
}
