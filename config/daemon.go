package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/dlr/cdr"
)

// The bounds of the daemon's own settings.
const (
	replicasMax         = 5 // JetStream's
	syncLeast, syncMost = 100 * time.Millisecond, 5 * time.Minute
	authFailuresMax     = 1_000_000

	retentionLeast, retentionMost = time.Minute, 7 * 24 * time.Hour
	memoryLeast, memoryMost       = 64, 1 << 20 // MiB
	storeLeast, storeMost         = 64, 1 << 26 // MiB

	lookupLeast, lookupMost = 10 * time.Millisecond, 2 * time.Second

	callbackTimeoutMin, callbackTimeoutMax = time.Second, 30 * time.Second
)

var natsURL = regexp.MustCompile(`^(nats|tls|ws|wss)://([^/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[^?#]*)?$`)

// daemonRows are the daemon's own variables; those of applications, links and routes stand behind the lists
// that name them.
var daemonRows = []setting[loader]{
	{"OTPGW_HTTP_ADDR", ":8080", "host:port the API listens on", address(func(l *loader) *string { return &l.config.HTTPAddr })},
	{"OTPGW_ADMIN_ADDR", defaultAdminAddr, "host:port of /metrics, /healthz, /readyz and the console, for operators only", read(readAdminAddr)},
	{"OTPGW_TLS_CERT_FILE", "", "PEM file of the API's certificate and those that signed it: the API speaks HTTPS then; a file that changes is read again",
		readCertFile(func(c *Config) *KeyPair { return &c.TLS })},
	{"OTPGW_TLS_KEY_FILE", "", "PEM file of its private key", readKeyFile(func(c *Config) *KeyPair { return &c.TLS }, "OTPGW_TLS_CERT_FILE")},
	{adminCertFile, "", "PEM file of the certificate of OTPGW_ADMIN_ADDR, alike", readCertFile(func(c *Config) *KeyPair { return &c.AdminTLS })},
	{"OTPGW_ADMIN_TLS_KEY_FILE", "", "PEM file of its private key", readKeyFile(func(c *Config) *KeyPair { return &c.AdminTLS }, adminCertFile)},
	{"OTPGW_ADMIN_ALLOW", "", "CIDRs that callers of OTPGW_ADMIN_ADDR come from, health checks too; empty: anywhere",
		read(func(v *value, l *loader) { l.config.AdminAllow = v.networks() })},
	{"OTPGW_ADMIN_TOKEN", "", "what `otpgw ctl` and other actions on that port have to give; empty: generated once into the data directory (mode 0600)",
		secretly(func(v *value, l *loader) { l.config.AdminToken = v.clientSecret() })},
	{"OTPGW_DATA_DIR", defaultDataDir, "directory of the embedded NATS store and the generated key",
		read(func(v *value, l *loader) { l.config.DataDir = v.directory() })},
	{"OTPGW_NATS_URL", "", "nats://, tls://, ws:// or wss:// URLs of an external cluster, comma-separated; empty: a server inside the process",
		reader[loader]{read: readNATSURL, show: withoutTokens}},
	{"OTPGW_NATS_CREDS", "", "credentials file for the external cluster", read(readNATSCreds)},
	{"OTPGW_NATS_REPLICAS", "1", "copies of each stream in the external cluster, {}", replicas()},
	{"OTPGW_NATS_SYNC", "always", "when the embedded store syncs to its disk: always, before anything is promised, or the interval, {}; with OTPGW_NATS_URL the one that its servers have, for otpgw check", syncInterval()},
	{"OTPGW_NATS_EVENTS", "otpgw", "first word of the subjects that changes are published on in the external cluster: otpgw.otp.APP.STATUS and otpgw.dlr.APP.STATUS; or off",
		read(func(v *value, l *loader) { l.config.NATS.Events = v.eventSubject() })},
	{"OTPGW_RETENTION", "1h", "how long an OTP is known after its PIN ran out, for questions and late receipts, {}; it is in the memory of every daemon",
		duration(retentionLeast, retentionMost, time.Second, func(l *loader) *time.Duration { return &l.config.Retention })},
	{"OTPGW_MEMORY", "0", "MiB that the daemon may take, 64 to 1048576; new OTPs are refused (503) when what is stored takes five sixths of it, of less than 1024 all but 160 MiB or half; 0: half of what the machine or its cgroup has",
		read(readMemory)},
	{"OTPGW_STORE_SIZE", "0", "MiB that the store may take on disk, 64 to 67108864, with OTPGW_NATS_URL on each server that has a copy; new OTPs are refused (503) when the log has four fifths of its share or two snapshots nine tenths of theirs, and verifying goes on; 0: 22 GiB, of the embedded store three quarters of what is free where that is less",
		read(readStoreSize)},
	{"OTPGW_SECRET_KEY", "", "32 bytes as base64, seals PINs at rest; empty: generated once into the data directory (mode 0600)",
		secretly(func(v *value, l *loader) { l.config.SecretKey = v.secretKey() })},
	{"OTPGW_SECRET_KEYS_OLD", "", "older secret keys, comma-separated, which still open what they sealed; keep them for a day after a change",
		secretList(func(v *value, l *loader) { l.config.OldKeys = v.oldKeys() })},
	{"OTPGW_LOG_LEVEL", "info", "{}", logLevel()},
	{"OTPGW_LOG_FORMAT", "auto", "json or console; auto is console on a terminal, else json",
		oneOf(func(l *loader) *LogFormat { return &l.config.LogFormat }, LogAuto, LogJSON, LogConsole)},
	{"OTPGW_AUTH_FAILURES", "20", "requests without a valid credential per minute and address, then 429; 0: no limit",
		integer(0, authFailuresMax, func(l *loader) *int { return &l.config.AuthFailures })},
	{"OTPGW_TRUSTED_PROXIES", "", "CIDRs of the proxies before the API, whose X-Forwarded-For or Forwarded says where a request comes from; empty: none",
		read(func(v *value, l *loader) { l.config.TrustedProxies = v.networks() })},
	{"OTPGW_PRICES", "", "CSV file of number prefix, price of a message part, and, where it is of one network, that (MCC and MNC), for the cost in answers; empty: 0",
		read(func(v *value, l *loader) { l.config.Prices = v.prices() })},
	{"OTPGW_DO_NOT_SEND", "", "file of numbers (+46701234567) and prefixes (+4670*), one in each line, that nothing is sent to, beside those of otpgw ctl donotsend; a reload reads it again; empty: none",
		read(func(v *value, l *loader) { l.config.DoNotSend = v.doNotSend() })},
	{"OTPGW_LOOKUP_URL", "", "http(s) URL of yours that is asked of each number before its message is routed: network, route, risks, a refusal (otp/lookup); empty: nobody is asked",
		read(func(v *value, l *loader) { l.config.Lookup.URL = v.lookupURL() })},
	{"OTPGW_LOOKUP_SUBJECT", "", "the same by a NATS request to this subject of the external cluster", read(readLookupSubject)},
	{"OTPGW_LOOKUP_SECRET", "", "whsec_ and base64 of 24 to 64 bytes, signs the requests; empty: derived from the secret key (otpgw check -lookup-secret)",
		secretly(func(v *value, l *loader) { l.config.Lookup.Secret = v.lookupSecret() })},
	{"OTPGW_LOOKUP_TIMEOUT", "300ms", "how long it may take, {}; no request waits longer for it",
		duration(lookupLeast, lookupMost, time.Millisecond, func(l *loader) *time.Duration { return &l.config.Lookup.Timeout })},
	{"OTPGW_LOOKUP_CACHE", "1h", "how long an answer holds at most, 1s to 24h, or off", durationOrOff(time.Second, 24*time.Hour, time.Second, func(l *loader) *time.Duration { return &l.config.Lookup.Cache })},
	{"OTPGW_LOOKUP_FAIL", "open", "without an answer: open, the message is sent as if nothing were known; or closed, it is refused (503)",
		read(func(v *value, l *loader) { l.config.Lookup.Closed = v.oneOf("open", "closed") == "closed" })},
	{"OTPGW_CDR_DIR", "", "directory for records for billing and disputes, one JSON line for each part, receipt and OTP; each daemon has its own; empty: none",
		read(func(v *value, l *loader) { l.config.CDR.Dir = v.optionalDirectory() })},
	{"OTPGW_CDR_ROTATE", "1h", "a file of them is complete after this time, {}",
		duration(time.Second, 24*time.Hour, time.Second, func(l *loader) *time.Duration { return &l.config.CDR.Rotate })},
	{"OTPGW_CDR_NUMBERS", "plain", "telephone numbers in them: {}",
		oneOf(func(l *loader) *cdr.Numbers { return &l.config.CDR.Numbers }, cdr.Plain, cdr.Masked, cdr.Hashed)},

	{listOf(appGroup), "", "names of the applications, comma-separated", read(readApps)},
	{listOf(linkGroup), "", "names of the carrier links, comma-separated", read(readLinks)},
	{listOf(routeGroup), "default", "names of the routes, comma-separated", read(readRoutes)},

	{"OTPGW_ROUTING", "observe", "sharing of messages among links of one priority by what was verified of what they sent: {}; observe shows it on the console and in `otpgw ctl routes`",
		routing()},
	{"OTPGW_ROUTING_SLOW_AFTER", "30s", "a message delivered later than this is late; a link with many counts as one that delivers nothing, {}",
		duration(time.Second, time.Hour, time.Second, func(l *loader) *time.Duration { return &l.config.Sharing.SlowAfter })},
	{"OTPGW_CALLBACK_ALLOW", "", "CIDRs that callbacks may reach although they are loopback, private or link-local",
		read(func(v *value, l *loader) { l.config.CallbackAllow = v.networks() })},
	{"OTPGW_CALLBACK_TIMEOUT", "15s", "how long a callback's receiver may take to answer, {}",
		duration(callbackTimeoutMin, callbackTimeoutMax, time.Millisecond, func(l *loader) *time.Duration { return &l.config.CallbackTimeout })},
	{"OTPGW_CORS_ORIGINS", "", "origins whose pages may use the API from a browser, comma-separated, like https://shop.example; empty: none",
		read(func(v *value, l *loader) { l.config.CORSOrigins = v.origins() })},

	{"OTEL_EXPORTER_OTLP_ENDPOINT", "", "http or https URL of an OpenTelemetry collector (OTLP/HTTP), to which traces go under /v1/traces; empty: none are made",
		read(func(v *value, l *loader) { l.config.Traces.Endpoint = v.collector() })},
	{"OTEL_EXPORTER_OTLP_HEADERS", "", "headers of the requests to it, name=value, comma-separated",
		secretly(func(v *value, l *loader) { l.config.Traces.Headers = v.headers() })},
	{"OTEL_SERVICE_NAME", "otpgw", "service.name of the traces", read(func(v *value, l *loader) { l.config.Traces.Service = v.trim() })},
	{"OTEL_TRACES_SAMPLER_ARG", "1", "share of the requests that are traced, 0 to 1; one that brings traceparent says so itself",
		read(func(v *value, l *loader) { l.config.Traces.Share = v.number(1) })},
}

func readMemory(v *value, l *loader) {
	mib := v.integer(0, memoryMost)
	if mib > 0 && mib < memoryLeast {
		v.fault("is %d MiB, too little to run in; give it %d or more, or 0 for half of the machine", mib, memoryLeast)
	}
	l.config.Memory = int64(mib) << 20
}

func readStoreSize(v *value, l *loader) {
	mib := v.integer(0, storeMost)
	if mib > 0 && mib < storeLeast {
		v.fault("is %d MiB, too little to work in; give it %d or more, or 0 for a share of the disk", mib, storeLeast)
	}
	l.config.StoreSize = int64(mib) << 20
}

func readAdminAddr(v *value, l *loader) {
	l.config.AdminAddr = v.address(false)
	if l.config.HTTPAddr == l.config.AdminAddr && !strings.HasSuffix(l.config.HTTPAddr, ":0") {
		v.fault("is the address of OTPGW_HTTP_ADDR; give it another port")
	}
}

// readNATSURL reads a list of server URLs. They may hold a token, so no fault shows them.
func readNATSURL(v *value, l *loader) {
	for i, text := range v.list() {
		if text != "" && !natsURL.MatchString(text) {
			v.fault("element %d is no NATS server; write it as nats://host:4222 (or tls://, ws://, wss://)", i+1)
		}
	}
	l.config.NATS.URL = v.text
}

func readNATSCreds(v *value, l *loader) {
	v.file()
	if l.config.NATS.Creds = v.text; v.text != "" && l.config.NATS.URL == "" {
		v.warn("is not used: OTPGW_NATS_URL names no external cluster")
	}
}

func replicas() reader[loader] {
	r := integer(1, replicasMax, func(l *loader) *int { return &l.config.NATS.Replicas })
	number := r.read
	r.read = func(v *value, l *loader) {
		if number(v, l); l.config.NATS.Replicas > 1 && l.config.NATS.URL == "" {
			v.fault("the embedded server keeps 1 copy; set OTPGW_NATS_URL to a cluster, or leave this at 1")
		}
	}
	return r
}

func syncInterval() reader[loader] {
	r := duration(syncLeast, syncMost, time.Millisecond, func(l *loader) *time.Duration { return &l.config.NATS.Sync })
	interval := r.read
	r.read = func(v *value, l *loader) {
		l.config.syncSet = slices.Contains(l.environ, "OTPGW_NATS_SYNC")
		if l.config.NATS.URL != "" && !l.config.syncSet { // the default is the embedded store's; of others nothing is known
			l.config.NATS.Sync = time.Second
			return
		}
		if l.config.NATS.SyncAlways = v.trim() == "always"; !l.config.NATS.SyncAlways {
			interval(v, l)
		}
	}
	return r
}

// logLevel keeps the word's level, not the word.
func logLevel() reader[loader] {
	words := []string{"trace", "debug", "info", "warn", "error", "disabled"}
	r := read(func(v *value, l *loader) { l.config.LogLevel, _ = zerolog.ParseLevel(v.oneOf(words...)) }) // oneOf has judged it
	r.takes = orList(words)
	return r
}

// useKey gives the key to what is derived from it, when the environment gives one.
func (l *loader) useKey() error {
	if l.config.SecretKey != nil {
		return l.config.UseKey(l.config.SecretKey)
	}
	if l.config.NATS.URL != "" {
		l.warn("OTPGW_SECRET_KEY", "is not set: every daemon on one NATS cluster needs the same key, and this one makes its own")
	}
	return nil
}

// networks reads networks; a single address is taken for a network of its own.
func (v *value) networks() []netip.Prefix {
	var networks []netip.Prefix
	var shown []string
	for _, text := range v.list() {
		network, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil && addr.Zone() == "" {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		switch {
		case text == "": // list has said so
		case err != nil:
			v.bad(text, "a network like 10.0.0.0/8 or fd00::/8")
		case network.Addr().Is4In6():
			v.bad(text, "written as IPv4, like 10.0.0.0/8")
		default:
			networks = append(networks, network.Masked())
			shown = append(shown, network.Masked().String())
		}
	}
	v.text = strings.Join(shown, ",")
	return networks
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
