package config

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Variable is one row of the table of environment variables. In Name, <NAME> stands for the name of an
// application, a link or a route (see Prefix) and <LANG> for a language subtag.
type Variable struct {
	Name    string
	Default string // the value of an unset variable; empty when Meaning tells what happens then
	Meaning string
	Secret  bool // may come as NAME_FILE, and is masked wherever it is shown
}

// The groups of variables that belong to one named thing.
const (
	appGroup   = "OTPGW_APP_"
	linkGroup  = "OTPGW_LINK_"
	routeGroup = "OTPGW_ROUTE_"

	nameHole = "<NAME>_"
	langHole = "<LANG>"
)

// Variables is the contract with operators: every variable that is read, in the order in which faults are
// reported and the configuration is printed. The help text and the README's table are made from it.
var Variables = []Variable{
	{"OTPGW_HTTP_ADDR", ":8080", "host:port the API listens on", false},
	{"OTPGW_ADMIN_ADDR", "127.0.0.1:9090", "host:port of /metrics, /healthz, /readyz and the status page", false},
	{"OTPGW_DATA_DIR", "./data", "directory of the embedded NATS store and the generated key", false},
	{"OTPGW_NATS_URL", "", "nats://, tls://, ws:// or wss:// URLs of an external cluster, comma-separated; empty: a server inside the process", false},
	{"OTPGW_NATS_CREDS", "", "credentials file for the external cluster", false},
	{"OTPGW_NATS_REPLICAS", "1", "copies of each stream in the external cluster, 1 to 5", false},
	{"OTPGW_NATS_SYNC", "1s", "fsync interval of the embedded store, 100ms to 5m, or always", false},
	{"OTPGW_SECRET_KEY", "", "32 bytes as base64, seals PINs at rest; empty: generated once into the data directory (mode 0600)", true},
	{"OTPGW_LOG_LEVEL", "info", "trace, debug, info, warn, error or disabled", false},
	{"OTPGW_LOG_FORMAT", "auto", "json or console; auto is console on a terminal, else json", false},
	{"OTPGW_AUTH_FAILURES", "20", "requests without a valid credential per minute and address, then 429; 0: no limit", false},
	{"OTPGW_PRICES", "", "CSV file of number prefix and price of a message part, for the cost in answers; empty: 0", false},

	{"OTPGW_APPS", "", "names of the applications, comma-separated", false},
	{"OTPGW_APP_<NAME>_API_KEYS", "", "API keys accepted, comma-separated; an application needs keys or a secret", true},
	{"OTPGW_APP_<NAME>_SECRET", "", "OAuth client secret; the application's name is the client id", true},
	{"OTPGW_APP_<NAME>_SENDERS", "", "approved senders, comma-separated: 3 to 11 characters, or up to 15 digits", false},
	{"OTPGW_APP_<NAME>_FROM", "", "default sender, one of the approved; empty: the first of them", false},
	{"OTPGW_APP_<NAME>_TEMPLATE", "Your verification code is {{pin}}", "message text, holds {{pin}}", false},
	{"OTPGW_APP_<NAME>_TEMPLATE_<LANG>", "", "text for destinations that speak LANG, a language subtag: FR, DE, BG", false},
	{"OTPGW_APP_<NAME>_TTL", "300", "how long a PIN is valid: seconds, or a duration like 5m; 60 to 1800 s", false},
	{"OTPGW_APP_<NAME>_MAX_ATTEMPTS", "5", "guesses per PIN, 1 to 10", false},
	{"OTPGW_APP_<NAME>_PIN_TYPE", "numbers", "numbers, letters or alphanumeric", false},
	{"OTPGW_APP_<NAME>_PIN_LENGTH", "6", "characters in a PIN, 4 to 10", false},
	{"OTPGW_APP_<NAME>_CALLBACK_URL", "", "http(s) URL told of changes when a request names none; empty: no callback", false},
	{"OTPGW_APP_<NAME>_CALLBACK_SECRET", "", "whsec_ and base64 of 24 to 64 bytes, signs callbacks; empty: derived from the secret key and the name", true},
	{"OTPGW_APP_<NAME>_RATE", "0", "requests per second over the API, on all daemons together; 0: no limit", false},
	{"OTPGW_APP_<NAME>_SEND_LIMITS", "5/10m,10/24h", "messages to one number, as count/time, all of which hold; or off", false},
	{"OTPGW_APP_<NAME>_TRY_LIMITS", "25/1h,50/24h", "guesses for one number, over all its OTPs, as count/time; or off", false},
	{"OTPGW_APP_<NAME>_MAX_RESENDS", "3", "how often an OTP's message may be sent again, 0 to 10", false},
	{"OTPGW_APP_<NAME>_RESEND_INTERVAL", "30s", "least time between two messages of an OTP, 1s to 30m", false},
	{"OTPGW_APP_<NAME>_RESEND_AFTER", "off", "sent again by itself after this time without a receipt, or at once when it failed; or off", false},
	{"OTPGW_APP_<NAME>_GUARD", "observe", "guard against SMS pumping: off, observe (log, metric, risk in the answer) or enforce (refuse)", false},
	{"OTPGW_APP_<NAME>_GUARD_COUNTRIES", "", "the only countries to send to, as SE,NO; empty: all", false},
	{"OTPGW_APP_<NAME>_GUARD_DENY", "", "countries not to send to", false},
	{"OTPGW_APP_<NAME>_GUARD_TRUST", "", "beginnings of numbers that are never a risk, as +46701,+46702", false},
	{"OTPGW_APP_<NAME>_GUARD_PREFIX", "10", "OTPs never verified to a number's neighbours (all but its last four digits) in a day, half as many in an hour, that are a risk; 0: none", false},
	{"OTPGW_APP_<NAME>_GUARD_COUNTRY", "20", "the same for a country, or GUARD_SHARE of the most verified there on a day of the last 14 where that is more; 0: none", false},
	{"OTPGW_APP_<NAME>_GUARD_SHARE", "20", "percent verified from which a prefix is no risk", false},
	{"OTPGW_APP_<NAME>_WEBOTP_DOMAIN", "", "host whose pages may read the PIN (WebOTP): the last line becomes @host #PIN", false},
	{"OTPGW_APP_<NAME>_APP_HASH", "", "11 characters of the Android app that may read the PIN (SMS Retriever)", false},
	{"OTPGW_APP_<NAME>_TEST_NUMBERS", "", "numbers that nothing is sent to, each with its PIN: +46700000000:123456,...", true},
	{"OTPGW_APP_<NAME>_TLVS", "", `optional parameters on each of its messages, like those of India's DLT; they win over the link's: 0x1400="1201"`, false},

	{"OTPGW_LINKS", "", "names of the carrier links, comma-separated", false},
	{"OTPGW_LINK_<NAME>_ADDR", "", "host:port of the SMSC", false},
	{"OTPGW_LINK_<NAME>_FAMILY", "any", "addresses to connect to when ADDR is a name: any, ipv4 or ipv6", false},
	{"OTPGW_LINK_<NAME>_SOURCE_ADDR", "", "IP address of this machine to connect from, the one the carrier knows; empty: the system chooses", false},
	{"OTPGW_LINK_<NAME>_TLS", "off", "on or off", false},
	{"OTPGW_LINK_<NAME>_TLS_CA", "", "PEM file of the authorities that may sign the SMSC's certificate; empty: the system's", false},
	{"OTPGW_LINK_<NAME>_TLS_CERT", "", "PEM file of our certificate, when the SMSC asks for one", false},
	{"OTPGW_LINK_<NAME>_TLS_KEY", "", "PEM file of its private key", false},
	{"OTPGW_LINK_<NAME>_TLS_SERVER_NAME", "", "name that the SMSC's certificate has to have; empty: the host of ADDR", false},
	{"OTPGW_LINK_<NAME>_SYSTEM_ID", "", "account at the SMSC, at most 15 octets", false},
	{"OTPGW_LINK_<NAME>_PASSWORD", "", "its password; SMPP 3.4 allows 8 octets, longer ones are sent as they are", true},
	{"OTPGW_LINK_<NAME>_SYSTEM_TYPE", "", "system_type, at most 12 octets", false},
	{"OTPGW_LINK_<NAME>_INTERFACE_VERSION", "0x34", "interface_version: 0x33, 0x34 or 0x50", false},
	{"OTPGW_LINK_<NAME>_ADDRESS_RANGE", "", "address_range of the bind, at most 40 octets", false},
	{"OTPGW_LINK_<NAME>_BIND_TON", "0", "addr_ton of the bind, 0 to 255", false},
	{"OTPGW_LINK_<NAME>_BIND_NPI", "0", "addr_npi of the bind, 0 to 255", false},
	{"OTPGW_LINK_<NAME>_BIND", "transceiver", "transceiver, or split: a transmitter and a receiver", false},
	{"OTPGW_LINK_<NAME>_BINDS", "1", "binds held at once, 1 to 64", false},
	{"OTPGW_LINK_<NAME>_WINDOW", "100", "submit_sm in flight per bind, 1 to 10000", false},
	{"OTPGW_LINK_<NAME>_TPS", "0", "message parts per second over all binds of the link, for each daemon; 0: as many as the SMSC takes without throttling", false},
	{"OTPGW_LINK_<NAME>_ENQUIRE_LINK", "30s", "idle time before an enquire_link, 1s to 1h", false},
	{"OTPGW_LINK_<NAME>_RESPONSE_TIMEOUT", "10s", "how long the SMSC may take to answer, 1s to 5m", false},
	{"OTPGW_LINK_<NAME>_ON_TIMEOUT", "resend", "a message that was not answered in time: resend, at the risk of a second SMS, or fail: REJECTED with error code 408", false},
	{"OTPGW_LINK_<NAME>_MESSAGE_ID", "auto", "base of message ids in the response, then in the receipt: auto, exact, hex-dec or dec-hex", false},
	{"OTPGW_LINK_<NAME>_ALPHABET", "gsm7", "what data_coding 0 means there: gsm7, gsm7-packed, latin1 or ascii", false},
	{"OTPGW_LINK_<NAME>_LONG", "udh8", "how long messages are split: udh8, udh16, sar or payload", false},
	{"OTPGW_LINK_<NAME>_NATIONAL", "", "single-shift tables to use where they save parts, by preference: turkish, spanish, portuguese; ask the carrier first", false},
	{"OTPGW_LINK_<NAME>_TRANSLITERATE", "off", "on: typographic quotes, dashes and spaces become plain ones where that saves parts", false},
	{"OTPGW_LINK_<NAME>_TLVS", "", `optional parameters on every submit_sm: 0x1400="text",0x1401=6869`, false},
	{"OTPGW_LINK_<NAME>_TRACE", "", "file of a trace of all PDUs for Wireshark (pcap), without texts and passwords; empty: none", false},
	{"OTPGW_LINK_<NAME>_TRACE_SIZE", "64", "MiB in the trace file before a new one is begun, 1 to 4096; five older ones are kept", false},

	{"OTPGW_ROUTES", "default", "names of the routes, comma-separated", false},
	{"OTPGW_ROUTE_<NAME>_PREFIXES", "", "digit prefixes of the destinations, longest wins; empty: every destination no other route has", false},
	{"OTPGW_ROUTE_<NAME>_LINKS", "", "links as name:priority, 0 (first) to 9; empty, for the route default only: all links at 0", false},

	{"OTPGW_CALLBACK_ALLOW", "", "CIDRs that callbacks may reach although they are loopback, private or link-local", false},
	{"OTPGW_CORS_ORIGINS", "", "origins whose pages may use the API from a browser, comma-separated, like https://shop.example; empty: none", false},
}

// group returns the prefix that the variable shares with others of its kind, empty for the daemon's own,
// and the rest of its name.
func (v Variable) group() (prefix, key string) {
	if prefix, key, ok := strings.Cut(v.Name, nameHole); ok {
		return prefix, key
	}
	return "", v.Name
}

// variablesOf returns the rows of a group, and for the empty group those of the daemon itself.
func variablesOf(group string) []Variable {
	return slices.DeleteFunc(slices.Clone(Variables), func(v Variable) bool {
		of, _ := v.group()
		return of != group
	})
}

// isSecret tells whether a full variable name is one whose value is a secret.
func isSecret(name string) bool {
	return slices.ContainsFunc(Variables, func(v Variable) bool {
		group, key := v.group()
		switch {
		case !v.Secret:
			return false
		case group == "":
			return name == key
		default:
			return strings.HasPrefix(name, group) && strings.HasSuffix(name, "_"+key)
		}
	})
}

// filesNote is true of every variable marked secret; the table says it once.
const filesNote = "A variable marked * may instead be given as NAME_FILE: a file that holds the value.\n" +
	"<NAME> is a name in upper case, every character outside A-Z and 0-9 turned into _. An empty value is an unset one.\n" +
	"A duration is a number of seconds or has a unit: 90, 90s, 1m30s.\n"

// Help writes the table of variables as plain text, for -help.
func Help(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range Variables {
		name := v.Name
		if v.Secret {
			name += " *"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", name, v.Default, v.Meaning)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n"+filesNote)
	return err
}

// Markdown writes the table of variables for the README.
func Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| variable | default | |\n|---|---|---|\n")
	for _, v := range Variables {
		name, value := "`"+v.Name+"`", v.Default
		if v.Secret {
			name += " *"
		}
		if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, value, strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(v.Meaning))
	}
	b.WriteString("\n" + strings.NewReplacer("*", `\*`, "<NAME>", "`<NAME>`").Replace(filesNote))
	_, err := io.WriteString(w, b.String())
	return err
}
