package config

import (
	"math"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp/egress"
)

// scope is the variables of one application, link or route, or the daemon's own, where a fault may name
// several.
type scope struct {
	prefix string // "OTPGW_APP_SHOP_"; empty for the daemon's own
	out    *report
}

// faultOf reports a variable of the scope.
func (s scope) faultOf(key, format string, args ...any) { s.out.fault(s.prefix+key, format, args...) }

func (s scope) warnOf(key, format string, args ...any) { s.out.warn(s.prefix+key, format, args...) }

// value is one variable that is being read. Each of its methods checks the text, puts its canonical form back
// (so that what is printed is what is in force) and returns it typed. A fault is reported and read on from:
// what is returned then is of no use, and Load returns none of it.
type value struct {
	scope
	name   string // of the variable, whole
	text   string // as it is set, or the default
	chosen string // what stands for <LANG> in the name
}

func (v *value) fault(format string, args ...any) { v.out.fault(v.name, format, args...) }

func (v *value) warn(format string, args ...any) { v.out.warn(v.name, format, args...) }

// bad reports a text that is not what the variable takes.
func (v *value) bad(text, want string) { v.fault("%q is not %s", text, want) }

// warnQuotes tells of quotes that a shell would have taken off: docker's --env-file leaves them, and they
// would be sent.
func (v *value) warnQuotes() {
	if n := len(v.text); n > 1 && v.text[0] == v.text[n-1] && (v.text[0] == '"' || v.text[0] == '\'') {
		v.warn("begins and ends with a quote, which is part of the value: docker's --env-file takes no quotes off; leave them out, or give the file to otpgw -config")
	}
}

func (v *value) trim() string {
	v.text = strings.TrimSpace(v.text)
	return v.text
}

// integer is a whole number within bounds.
func integer[T any](low, high int, field func(*T) *int) reader[T] {
	r := read(func(v *value, to *T) { *field(to) = v.integer(low, high) })
	r.takes = strconv.Itoa(low) + " to " + strconv.Itoa(high)
	return r
}

func (v *value) integer(low, high int) int {
	n, err := strconv.Atoi(v.trim())
	if err != nil || n < low || n > high {
		v.bad(v.text, "a whole number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
		return 0
	}
	v.text = strconv.Itoa(n)
	return n
}

// number is a decimal from 0 to high.
func number[T any](high float64, field func(*T) *float64) reader[T] {
	return read(func(v *value, to *T) { *field(to) = v.number(high) })
}

func (v *value) number(high float64) float64 {
	n, err := strconv.ParseFloat(v.trim(), 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > high {
		v.bad(v.text, "a number from 0 to "+strconv.FormatFloat(high, 'f', -1, 64))
		return 0
	}
	v.text = strconv.FormatFloat(n, 'f', -1, 64)
	return n
}

// duration is a number of seconds ("90") or a Go duration ("1m30s"), in whole multiples of unit.
func duration[T any](low, high, unit time.Duration, field func(*T) *time.Duration) reader[T] {
	r := read(func(v *value, to *T) { *field(to) = v.duration(low, high, unit) })
	r.takes = short(low) + " to " + short(high)
	return r
}

// duration keeps what was given as plain seconds so.
func (v *value) duration(low, high, unit time.Duration) time.Duration {
	text := v.trim()
	if n, err := strconv.Atoi(text); err == nil {
		text = strconv.Itoa(n) + "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < low || d > high || d%unit != 0 {
		v.bad(v.text, "a duration from "+low.String()+" to "+high.String()+", as seconds (90) or with a unit (1m30s)")
		return 0
	}
	return d
}

// durationOrOff is 0 for off.
func durationOrOff[T any](low, high, unit time.Duration, field func(*T) *time.Duration) reader[T] {
	return read(func(v *value, to *T) {
		if text := v.trim(); text == off || text == "0" {
			v.text = off
			return
		}
		*field(to) = v.duration(low, high, unit)
	})
}

// short is 5m rather than 5m0s.
func short(d time.Duration) string {
	text := d.String()
	if cut, ok := strings.CutSuffix(text, "m0s"); ok {
		text = cut + "m"
	}
	if cut, ok := strings.CutSuffix(text, "h0m"); ok {
		text = cut + "h"
	}
	return text
}

// oneOf is a word out of a few.
func oneOf[T any, W ~string](field func(*T) *W, words ...W) reader[T] {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	r := read(func(v *value, to *T) { *field(to) = W(v.oneOf(texts...)) })
	r.takes = orList(texts)
	return r
}

func (v *value) oneOf(words ...string) string {
	if !slices.Contains(words, v.trim()) {
		v.bad(v.text, orList(words))
	}
	return v.text
}

// orList is "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// onOff is a switch by any of its usual names.
func onOff[T any](field func(*T) *bool) reader[T] {
	return read(func(v *value, to *T) { *field(to) = v.onOff() })
}

func (v *value) onOff() bool {
	switch strings.ToLower(v.trim()) {
	case "on", "true", "yes", "1":
		v.text = "on"
		return true
	case off, "false", "no", "0":
		v.text = off
	default:
		v.bad(v.text, "on or off")
	}
	return false
}

// address is the host:port of a listener, whose host may be empty and whose port may be 0.
func address[T any](field func(*T) *string) reader[T] {
	return read(func(v *value, to *T) { *field(to) = v.address(false) })
}

// address reads host:port. To dial, both are needed.
func (v *value) address(dial bool) string {
	host, port, err := net.SplitHostPort(v.trim())
	n, portErr := strconv.ParseUint(port, 10, 16)
	switch {
	case v.text == "":
		v.fault("is not set: give the host:port to connect to, like smsc.example.net:2775")
	case err != nil || portErr != nil || strings.ContainsAny(host, " /@"):
		v.bad(v.text, "host:port with a port number, like smsc.example.net:2775 or [2001:db8::1]:2775")
	case dial && (host == "" || n == 0):
		v.bad(v.text, "host:port of a server: it needs a host and a port above 0")
	}
	return v.text
}

// list splits a comma-separated value, trims its elements and reports empty and repeated ones, by their place
// and not their text: it may be a list of keys.
func (v *value) list() []string {
	if v.trim() == "" {
		return nil
	}
	elements := strings.Split(v.text, ",")
	for i := range elements {
		elements[i] = strings.TrimSpace(elements[i])
		if elements[i] == "" {
			v.fault("element %d of the list is empty; take out the extra comma", i+1)
		} else if first := slices.Index(elements, elements[i]); first < i {
			v.fault("element %d of the list repeats element %d; take one out", i+1, first+1)
		}
	}
	v.text = strings.Join(elements, ",")
	return elements
}

// callbackURL is the URL of a callback. Its text is in no fault, for it may carry a token.
func callbackURL[T any](field func(*T) *string) reader[T] {
	r := read(func(v *value, to *T) { *field(to) = v.callbackURL() })
	r.show = withoutTokens
	return r
}

func (v *value) callbackURL() string {
	if v.trim() == "" {
		return ""
	}
	encoded, err := egress.URL(v.text, func(netip.Addr) bool { return true }) // the addresses are a warning, see daemon.go
	if err != nil {
		v.fault("is no callback URL, like https://example.net/otp: %v", err)
	}
	return encoded
}

// file checks that a file named by a variable can be read, and returns what it holds.
func (v *value) file() []byte {
	if v.text == "" {
		return nil
	}
	content, err := readFile(v.text, maxPEMFile)
	if err != nil {
		v.fault("%q cannot be read: %v; name a readable file", v.text, err)
	} else if len(content) == 0 {
		v.fault("%q is an empty file", v.text)
	}
	return content
}

// optionalDirectory reads a directory that is there, or none.
func (v *value) optionalDirectory() string {
	if v.trim() == "" {
		return ""
	}
	if info, err := os.Stat(v.text); err != nil || !info.IsDir() {
		v.bad(v.text, "a directory that is there")
	}
	return v.text
}

// directory refuses a path that is there and is no directory, or one that everybody may write to: who puts a
// key or a store there reads PINs. One that is missing is made at start.
func (v *value) directory() string {
	info, err := os.Stat(v.text)
	switch {
	case err != nil:
	case !info.IsDir():
		v.bad(v.text, "a directory")
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0:
		v.fault("%q is a directory that everybody may write to; give it a mode of its own: chmod 700", v.text)
	}
	return v.text
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
