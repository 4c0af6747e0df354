package config

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"time"

	"otpgw/smpp/link"
)

// The limits of a link. The first three are SMPP 3.4's (5.2.1 to 5.2.3), without the closing NUL.
const (
	systemIDMax   = 15
	passwordMax   = 8
	systemTypeMax = 12

	bindsMax  = 64
	windowMax = 10000
	tpsMax    = 100000
)

// linkVars are the variables of one link as text.
type linkVars struct {
	Addr            string `env:"ADDR"`
	SystemID        string `env:"SYSTEM_ID"`
	Password        secret `env:"PASSWORD"`
	SystemType      string `env:"SYSTEM_TYPE"`
	TLS             string `env:"TLS, default=off"`
	TLSCA           string `env:"TLS_CA"`
	TLSCert         string `env:"TLS_CERT"`
	TLSKey          string `env:"TLS_KEY"`
	Bind            string `env:"BIND, default=transceiver"`
	Binds           string `env:"BINDS, default=1"`
	Window          string `env:"WINDOW, default=100"`
	TPS             string `env:"TPS, default=0"`
	EnquireLink     string `env:"ENQUIRE_LINK, default=30s"`
	ResponseTimeout string `env:"RESPONSE_TIMEOUT, default=10s"`
	MessageID       string `env:"MESSAGE_ID, default=auto"`
	Alphabet        string `env:"ALPHABET, default=gsm7"`
	Long            string `env:"LONG, default=udh8"`
	TLVs            string `env:"TLVS"`
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
	return nil
}

// link checks one link's variables.
func (s scope) link(name string, v *linkVars) link.Config {
	c := link.Config{
		Name:       name,
		Addr:       s.address(&v.Addr, "ADDR", true),
		SystemID:   s.octets(&v.SystemID, "SYSTEM_ID", systemIDMax),
		Password:   s.password(v.Password, "PASSWORD"),
		SystemType: s.octets(&v.SystemType, "SYSTEM_TYPE", systemTypeMax),

		Bind:   link.BindMode(s.oneOf(&v.Bind, "BIND", string(link.BindTransceiver), string(link.BindSplit))),
		Binds:  s.integer(&v.Binds, "BINDS", 1, bindsMax),
		Window: s.integer(&v.Window, "WINDOW", 1, windowMax),
		TPS:    s.integer(&v.TPS, "TPS", 0, tpsMax),

		EnquireLink:     s.duration(&v.EnquireLink, "ENQUIRE_LINK", time.Second, time.Hour, time.Millisecond),
		ResponseTimeout: s.duration(&v.ResponseTimeout, "RESPONSE_TIMEOUT", time.Second, 5*time.Minute, time.Millisecond),

		MessageID: s.oneOf(&v.MessageID, "MESSAGE_ID", "auto", "exact", "hex-dec", "dec-hex"),
		Alphabet:  s.oneOf(&v.Alphabet, "ALPHABET", "gsm7", "gsm7-packed", "latin1", "ascii"),
		Long:      s.oneOf(&v.Long, "LONG", "udh8", "udh16", "sar", "payload"),
	}
	c.TLS = s.tls(v, c.Addr)
	if c.SystemID == "" {
		s.fault(s.prefix+"SYSTEM_ID", "is not set: give the account that the carrier gave you")
	}
	tlvs, err := parseTLVs(v.TLVs)
	if err != nil {
		s.fault(s.prefix+"TLVS", `%v; write tag=hex or tag="text", like 0x1400="text",0x1401=6869`, err)
	}
	c.TLVs, v.TLVs = tlvs, formatTLVs(tlvs)
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
		for _, file := range []struct{ key, path string }{{"TLS_CA", v.TLSCA}, {"TLS_CERT", v.TLSCert}, {"TLS_KEY", v.TLSKey}} {
			if file.path != "" {
				s.fault(s.prefix+file.key, "is set but %sTLS is off; turn it on, or take this out", s.prefix)
			}
		}
		return nil
	}
	host, _, _ := net.SplitHostPort(addr)
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
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
