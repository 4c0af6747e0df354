package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// The limits of a link. The first three are SMPP 3.4's (5.2.1 to 5.2.3), without the closing NUL.
const (
	systemIDMax   = 15
	passwordMax   = 8
	systemTypeMax = 12

	addressRangeMax = 40

	bindsMax  = 64
	windowMax = 10000
	tpsMax    = 100000

	traceSizeMin, traceSizeMax = 1, 4096 // MiB
)

// linkVars are the variables of one link as text.
type linkVars struct {
	Addr             string `env:"ADDR"`
	Family           string `env:"FAMILY, default=any"`
	SourceAddr       string `env:"SOURCE_ADDR"`
	TLS              string `env:"TLS, default=off"`
	TLSCA            string `env:"TLS_CA"`
	TLSCert          string `env:"TLS_CERT"`
	TLSKey           string `env:"TLS_KEY"`
	TLSServerName    string `env:"TLS_SERVER_NAME"`
	SystemID         string `env:"SYSTEM_ID"`
	Password         secret `env:"PASSWORD"`
	SystemType       string `env:"SYSTEM_TYPE"`
	InterfaceVersion string `env:"INTERFACE_VERSION, default=0x34"`
	AddressRange     string `env:"ADDRESS_RANGE"`
	BindTON          string `env:"BIND_TON, default=0"`
	BindNPI          string `env:"BIND_NPI, default=0"`
	Bind             string `env:"BIND, default=transceiver"`
	Binds            string `env:"BINDS, default=1"`
	Window           string `env:"WINDOW, default=100"`
	TPS              string `env:"TPS, default=0"`
	EnquireLink      string `env:"ENQUIRE_LINK, default=30s"`
	ResponseTimeout  string `env:"RESPONSE_TIMEOUT, default=10s"`
	OnTimeout        string `env:"ON_TIMEOUT, default=resend"`
	MessageID        string `env:"MESSAGE_ID, default=auto"`
	Alphabet         string `env:"ALPHABET, default=gsm7"`
	Long             string `env:"LONG, default=udh8"`
	National         string `env:"NATIONAL"`
	Transliterate    string `env:"TRANSLITERATE, default=off"`
	TLVs             string `env:"TLVS"`
	Trace            string `env:"TRACE"`
	TraceSize        string `env:"TRACE_SIZE, default=64"`
}

func (l *loader) readLinks(s scope) error {
	names := s.names(&l.vars.Links, "OTPGW_LINKS", linkGroup)
	switch {
	case l.vars.Links != "":
	case l.vars.NATSURL != "":
		s.warn("OTPGW_LINKS", "is not set: messages wait until another daemon on the same NATS sends them")
	default:
		s.fault("OTPGW_LINKS", "is not set: name at least one carrier link, like OTPGW_LINKS=carrier1 (or try otpgw -demo)")
	}
	l.known.addGroup(l.report, "OTPGW_LINKS", linkGroup, names)
	for _, name := range names {
		s := l.scope(linkGroup + prefixOf(name) + "_")
		v := new(linkVars)
		if err := s.fill(l.ctx, v); err != nil {
			return err
		}
		l.config.Links = append(l.config.Links, s.link(name, v))
		l.config.settings.add(linkGroup, s.prefix, v)
	}
	l.sharedTraces()
	return nil
}

// sharedTraces reports a trace file that two links write.
func (l *loader) sharedTraces() {
	owner := make(map[string]string)
	for _, c := range l.config.Links {
		if c.Trace == "" {
			continue
		}
		if other, taken := owner[filepath.Clean(c.Trace)]; taken {
			l.fault(linkGroup+prefixOf(c.Name)+"_TRACE", "is also the trace of the link %s; give each its own file", other)
		}
		owner[filepath.Clean(c.Trace)] = c.Name
	}
}

// link checks one link's variables.
func (s scope) link(name string, v *linkVars) link.Config {
	c := link.Config{
		Name:   name,
		Addr:   s.address(&v.Addr, "ADDR", true),
		Family: link.Family(s.oneOf(&v.Family, "FAMILY", string(link.FamilyAny), string(link.FamilyIPv4), string(link.FamilyIPv6))),

		SystemID:         s.octets(&v.SystemID, "SYSTEM_ID", systemIDMax),
		Password:         s.password(v.Password, "PASSWORD"),
		SystemType:       s.octets(&v.SystemType, "SYSTEM_TYPE", systemTypeMax),
		InterfaceVersion: s.octetValue(&v.InterfaceVersion, "INTERFACE_VERSION", 1),
		AddressRange: wire.Address{
			TON: byte(s.integer(&v.BindTON, "BIND_TON", 0, 255)), NPI: byte(s.integer(&v.BindNPI, "BIND_NPI", 0, 255)),
			Addr: s.octets(&v.AddressRange, "ADDRESS_RANGE", addressRangeMax),
		},

		Bind:   link.BindMode(s.oneOf(&v.Bind, "BIND", string(link.BindTransceiver), string(link.BindSplit))),
		Binds:  s.integer(&v.Binds, "BINDS", 1, bindsMax),
		Window: s.integer(&v.Window, "WINDOW", 1, windowMax),
		TPS:    s.integer(&v.TPS, "TPS", 0, tpsMax),

		EnquireLink:     s.duration(&v.EnquireLink, "ENQUIRE_LINK", time.Second, time.Hour, time.Millisecond),
		ResponseTimeout: s.duration(&v.ResponseTimeout, "RESPONSE_TIMEOUT", time.Second, 5*time.Minute, time.Millisecond),
		OnTimeout:       link.OnTimeout(s.oneOf(&v.OnTimeout, "ON_TIMEOUT", string(link.TimeoutResend), string(link.TimeoutFail))),

		MessageID:     s.oneOf(&v.MessageID, "MESSAGE_ID", "auto", "exact", "hex-dec", "dec-hex"),
		Alphabet:      s.oneOf(&v.Alphabet, "ALPHABET", "gsm7", "gsm7-packed", "latin1", "ascii"),
		Long:          s.oneOf(&v.Long, "LONG", "udh8", "udh16", "sar", "payload"),
		National:      s.languages(&v.National, "NATIONAL"),
		Transliterate: s.onOff(&v.Transliterate, "TRANSLITERATE"),

		Trace:     s.traceFile(&v.Trace, "TRACE"),
		TraceSize: int64(s.integer(&v.TraceSize, "TRACE_SIZE", traceSizeMin, traceSizeMax)) << 20,
	}
	c.SourceAddr = s.sourceAddr(&v.SourceAddr, "SOURCE_ADDR", c.Family)
	if len(c.National) > 0 && c.Alphabet != "gsm7" && c.Alphabet != "gsm7-packed" {
		s.fault(s.prefix+"NATIONAL", "is set but %sALPHABET is %s; the tables are of the GSM alphabet", s.prefix, c.Alphabet)
	}
	c.TLS = s.tls(v, c.Addr)
	if c.SystemID == "" {
		s.fault(s.prefix+"SYSTEM_ID", "is not set: give the account that the carrier gave you")
	}
	c.TLVs = s.tlvs(&v.TLVs, "TLVS")
	return c
}

// octets reads a C-octet string of SMPP.
func (s scope) octets(value *string, key string, most int) string {
	*value = strings.TrimSpace(*value)
	switch {
	case !printableASCII(*value):
		s.bad(key, *value, "printable ASCII")
	case len(*value) > most:
		s.fault(s.prefix+key, "has %d octets; SMPP has room for %d", len(*value), most)
	}
	return *value
}

// octetValue reads one octet, decimal or with 0x.
func (s scope) octetValue(value *string, key string, least uint64) byte {
	*value = strings.TrimSpace(*value)
	n, err := strconv.ParseUint(*value, 0, 8)
	if err != nil || n < least {
		s.bad(key, *value, "an octet, like 0x34")
		return 0
	}
	*value = fmt.Sprintf("0x%02X", n)
	return byte(n)
}

// sourceAddr reads an address of this machine. Whether it is one is seen when the link connects: it may come later, with an
// interface.
func (s scope) sourceAddr(value *string, key string, family link.Family) netip.Addr {
	*value = strings.TrimSpace(*value)
	if *value == "" {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(*value)
	addr = addr.Unmap()
	switch {
	case err != nil || addr.IsMulticast():
		s.bad(key, *value, "an IP address of this machine, like 192.0.2.7")
	case family == link.FamilyIPv4 && !addr.Is4(), family == link.FamilyIPv6 && addr.Is4():
		s.fault(s.prefix+key, "%q is no address of the family that %sFAMILY names", *value, s.prefix)
	}
	return addr
}

// languages reads the national languages whose tables may be used.
func (s scope) languages(value *string, key string) []string {
	known := []string{string(text.LanguageTurkish), string(text.LanguageSpanish), string(text.LanguagePortuguese)}
	languages := s.list(value, key)
	for _, language := range languages {
		if language != "" && !slices.Contains(known, language) {
			s.bad(key, language, strings.Join(known, ", ")+", or several of them with commas")
		}
	}
	return languages
}

// traceFile reads a path in a folder that is there; the file itself is made.
func (s scope) traceFile(value *string, key string) string {
	if *value == "" {
		return ""
	}
	if info, err := os.Stat(filepath.Dir(*value)); err != nil || !info.IsDir() {
		s.fault(s.prefix+key, "%q is in no folder that is there; make the folder first", *value)
	}
	if info, err := os.Stat(*value); err == nil && !info.Mode().IsRegular() {
		s.bad(key, *value, "a file")
	}
	return *value
}

// password warns of a length that the specification forbids and many carriers give out all the same.
func (s scope) password(value secret, key string) string {
	if strings.ContainsFunc(string(value), func(r rune) bool { return r < 0x20 || r == 0x7F }) {
		s.fault(s.prefix+key, "holds a control character, which SMPP cannot carry")
	}
	if len(value) > passwordMax {
		s.warn(s.prefix+key, "has %d octets where SMPP 3.4 allows %d; it is sent as it is, and a strict SMSC refuses it", len(value), passwordMax)
	}
	return string(value)
}

// tls loads a link's certificates. Files that are named while TLS is off are a fault: whoever named them
// believes the link is encrypted.
func (s scope) tls(v *linkVars, addr string) *tls.Config {
	on := s.onOff(&v.TLS, "TLS")
	if !on {
		for _, file := range []struct{ key, path string }{{"TLS_CA", v.TLSCA}, {"TLS_CERT", v.TLSCert}, {"TLS_KEY", v.TLSKey}, {"TLS_SERVER_NAME", v.TLSServerName}} {
			if file.path != "" {
				s.fault(s.prefix+file.key, "is set but %sTLS is off; turn it on, or take this out", s.prefix)
			}
		}
		return nil
	}
	host, _, _ := net.SplitHostPort(addr)
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if v.TLSServerName = strings.TrimSpace(v.TLSServerName); v.TLSServerName != "" {
		c.ServerName = v.TLSServerName
		if strings.ContainsAny(v.TLSServerName, ":/ ") && net.ParseIP(v.TLSServerName) == nil {
			s.bad("TLS_SERVER_NAME", v.TLSServerName, "a host name without a port, like smsc.example.net")
		}
	}
	if authorities := s.file(&v.TLSCA, "TLS_CA"); authorities != nil {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(authorities) {
			s.fault(s.prefix+"TLS_CA", "%q holds no certificate; it should be a PEM file", v.TLSCA)
		}
	}
	s.clientCertificate(v, c)
	return c
}

// clientCertificate loads what we show an SMSC that asks who we are.
func (s scope) clientCertificate(v *linkVars, c *tls.Config) {
	switch {
	case v.TLSCert == "" && v.TLSKey == "":
		return
	case v.TLSKey == "":
		s.fault(s.prefix+"TLS_KEY", "is not set, but %sTLS_CERT is; a certificate needs its key", s.prefix)
		return
	case v.TLSCert == "":
		s.fault(s.prefix+"TLS_CERT", "is not set, but %sTLS_KEY is; a key needs its certificate", s.prefix)
		return
	}
	certificate, key := s.file(&v.TLSCert, "TLS_CERT"), s.file(&v.TLSKey, "TLS_KEY")
	if certificate == nil || key == nil {
		return // file has said so
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		s.fault(s.prefix+"TLS_CERT", "does not go with %sTLS_KEY: %v", s.prefix, err)
		return
	}
	c.Certificates = []tls.Certificate{pair}
}
