package config

import (
	"context"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/otpgw/otpgw/otp"
)

// scope reads the values of one group of variables: the daemon's own, one application's, one link's.
// Each of its methods takes the value as text, checks it, puts its canonical form back (so that what
// is printed is what is in force) and returns it typed. A fault is reported and read on from: the value
// returned then is of no use, and Load returns none.
type scope struct {
	prefix string // "OTPGW_APP_SHOP_"; empty for the daemon's own
	source envconfig.Lookuper
	*report
}

// fill reads the variables of a struct of strings. Decoding into strings cannot fail for a value, so an
// error here is a mistake in a struct tag.
func (s scope) fill(ctx context.Context, target any) error {
	return envconfig.ProcessWith(ctx, &envconfig.Config{Target: target, Lookuper: envconfig.PrefixLookuper(s.prefix, s.source)})
}

// bad reports a value that is not what the variable takes.
func (s scope) bad(key, value, want string) {
	s.fault(s.prefix+key, "%q is not %s", value, want)
}

func (s scope) integer(value *string, key string, low, high int) int {
	*value = strings.TrimSpace(*value)
	n, err := strconv.Atoi(*value)
	if err != nil || n < low || n > high {
		s.bad(key, *value, "a whole number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
		return 0
	}
	*value = strconv.Itoa(n)
	return n
}

// number reads a decimal from 0 to high.
func (s scope) number(value *string, key string, high float64) float64 {
	*value = strings.TrimSpace(*value)
	n, err := strconv.ParseFloat(*value, 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > high {
		s.bad(key, *value, "a number from 0 to "+strconv.FormatFloat(high, 'f', -1, 64))
		return 0
	}
	*value = strconv.FormatFloat(n, 'f', -1, 64)
	return n
}

// duration reads a number of seconds ("90") or a Go duration ("1m30s"), in whole multiples of unit. A
// duration that was given as plain seconds stays so.
func (s scope) duration(value *string, key string, low, high, unit time.Duration) time.Duration {
	*value = strings.TrimSpace(*value)
	text := *value
	if n, err := strconv.Atoi(text); err == nil {
		text = strconv.Itoa(n) + "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < low || d > high || d%unit != 0 {
		s.bad(key, *value, "a duration from "+low.String()+" to "+high.String()+", as seconds (90) or with a unit (1m30s)")
		return 0
	}
	return d
}

// oneOf reads a word out of a few.
func (s scope) oneOf(value *string, key string, words ...string) string {
	*value = strings.TrimSpace(*value)
	if !slices.Contains(words, *value) {
		last := len(words) - 1
		s.bad(key, *value, strings.Join(words[:last], ", ")+" or "+words[last])
	}
	return *value
}

// onOff reads a switch by any of its usual names.
func (s scope) onOff(value *string, key string) bool {
	switch strings.ToLower(strings.TrimSpace(*value)) {
	case "on", "true", "yes", "1":
		*value = "on"
		return true
	case "off", "false", "no", "0":
		*value = "off"
	default:
		s.bad(key, *value, "on or off")
	}
	return false
}

// address reads host:port. To dial, both are needed; to listen, the host may be empty and the port 0.
func (s scope) address(value *string, key string, dial bool) string {
	*value = strings.TrimSpace(*value)
	host, port, err := net.SplitHostPort(*value)
	n, portErr := strconv.ParseUint(port, 10, 16)
	switch {
	case *value == "":
		s.fault(s.prefix+key, "is not set: give the host:port to connect to, like smsc.example.net:2775")
	case err != nil || portErr != nil || strings.ContainsAny(host, " /@"):
		s.bad(key, *value, "host:port with a port number, like smsc.example.net:2775 or [2001:db8::1]:2775")
	case dial && (host == "" || n == 0):
		s.bad(key, *value, "host:port of a server: it needs a host and a port above 0")
	}
	return *value
}

// list splits a comma-separated value, trims its elements and reports empty and repeated ones, by their
// place and not their text: it may be a list of keys.
func (s scope) list(value *string, key string) []string {
	if strings.TrimSpace(*value) == "" {
		*value = ""
		return nil
	}
	elements := strings.Split(*value, ",")
	for i := range elements {
		elements[i] = strings.TrimSpace(elements[i])
		if elements[i] == "" {
			s.fault(s.prefix+key, "element %d of the list is empty; take out the extra comma", i+1)
		} else if first := slices.Index(elements, elements[i]); first < i {
			s.fault(s.prefix+key, "element %d of the list repeats element %d; take one out", i+1, first+1)
		}
	}
	*value = strings.Join(elements, ",")
	return elements
}

// webURL reads the URL of a callback. Its text is in no fault, for it may carry a token.
func (s scope) webURL(value *string, key string) string {
	*value = strings.TrimSpace(*value)
	if *value == "" {
		return ""
	}
	if err := otp.CheckCallbackURL(*value, func(netip.Addr) bool { return true }); err != nil { // the addresses are a warning, see apps.go
		s.fault(s.prefix+key, "is no callback URL, like https://example.net/otp: %v", err)
	}
	return *value
}

// file checks that a file named by a variable can be read, and returns what it holds.
func (s scope) file(value *string, key string) []byte {
	if *value == "" {
		return nil
	}
	content, err := readFile(*value, maxPEMFile)
	if err != nil {
		s.fault(s.prefix+key, "%q cannot be read: %v; name a readable file", *value, err)
	}
	return content
}

// directory refuses a path that is there and is no directory. One that is missing is made at start.
func (s scope) directory(value *string, key string) string {
	if info, err := os.Stat(*value); err == nil && !info.IsDir() {
		s.bad(key, *value, "a directory")
	}
	return *value
}

// printableASCII tells whether text is what an SMPP C-octet string can hold without surprises.
func printableASCII(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7E {
			return false
		}
	}
	return true
}
