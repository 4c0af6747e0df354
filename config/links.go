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

// The fields of a bind and of a submit_sm have the room that their layout gives.
var (
	systemIDMax     = wire.LayoutOf(wire.BindTransceiver).Field("system_id").Room()
	passwordMax     = wire.LayoutOf(wire.BindTransceiver).Field("password").Room()
	systemTypeMax   = wire.LayoutOf(wire.BindTransceiver).Field("system_type").Room()
	addressRangeMax = wire.LayoutOf(wire.BindTransceiver).Field("address_range").Room()
	serviceTypeMax  = wire.LayoutOf(wire.SubmitSM).Field("service_type").Room()
)

// The bounds of a link.
const (
	bindsMax  = 64
	windowMax = 10000
	tpsMax    = 100000

	traceSizeMax = 4096 // MiB

	resendsMax = 10
)

// linkDraft is a link of which not all variables are read.
type linkDraft struct {
	link.Config
	certificate, key []byte // PEM, of TLS_CERT and TLS_KEY
}

// linkRows are the variables of one link.
var linkRows = []setting[linkDraft]{
	{"ADDR", "", "host:port of the SMSC", read(func(v *value, l *linkDraft) { l.Addr = v.address(true) })},
	{"FAMILY", "any", "addresses to connect to when ADDR is a name: {}",
		oneOf(func(l *linkDraft) *link.Family { return &l.Family }, link.FamilyAny, link.FamilyIPv4, link.FamilyIPv6)},
	{"SOURCE_ADDR", "", "IP address of this machine to connect from, the one the carrier knows; empty: the system chooses",
		read(func(v *value, l *linkDraft) { l.SourceAddr = v.sourceAddr(l.Family) })},
	{"TLS", off, "on or off", read(readTLS)},
	{"TLS_CA", "", "PEM file of the authorities that may sign the SMSC's certificate; empty: the system's", withTLS(readAuthorities)},
	{"TLS_CERT", "", "PEM file of our certificate, when the SMSC asks for one", withTLS(func(v *value, l *linkDraft) { l.certificate = v.file() })},
	{"TLS_KEY", "", "PEM file of its private key", withTLS(func(v *value, l *linkDraft) { l.key = v.file() })},
	{"TLS_SERVER_NAME", "", "name that the SMSC's certificate has to have; empty: the host of ADDR", withTLS(readServerName)},
	{"SYSTEM_ID", "", "account at the SMSC, at most 15 octets", read(readSystemID)},
	{"PASSWORD", "", "its password; SMPP 3.4 allows 8 octets, longer ones are sent as they are",
		secretly(func(v *value, l *linkDraft) { l.Password = v.password() })},
	{"SYSTEM_TYPE", "", "system_type, {}", octets(systemTypeMax, func(l *linkDraft) *string { return &l.SystemType })},
	{"INTERFACE_VERSION", "0x34", "interface_version: 0x33, 0x34 or 0x50",
		read(func(v *value, l *linkDraft) { l.InterfaceVersion = v.octetValue(1) })},
	{"ADDRESS_RANGE", "", "address_range of the bind, {}", octets(addressRangeMax, func(l *linkDraft) *string { return &l.AddressRange.Addr })},
	{"BIND_TON", "0", "addr_ton of the bind, 0 to 255", read(func(v *value, l *linkDraft) { l.AddressRange.TON = byte(v.integer(0, 255)) })},
	{"BIND_NPI", "0", "addr_npi of the bind, 0 to 255", read(func(v *value, l *linkDraft) { l.AddressRange.NPI = byte(v.integer(0, 255)) })},
	{"BIND", "transceiver", "transceiver, or split: a transmitter and a receiver",
		oneOf(func(l *linkDraft) *link.BindMode { return &l.Bind }, link.BindTransceiver, link.BindSplit)},
	{"BINDS", "1", "binds held at once, {}", integer(1, bindsMax, func(l *linkDraft) *int { return &l.Binds })},
	{"MAX_BINDS", "0", "binds (with BIND=split: pairs) that all daemons on one store may hold at once, for a carrier that allows so many; the others stand by, take over within 10 s " +
		"when one is killed and at once when it stops, and TPS is then over all of them; 0: no limit, {}",
		integer(0, bindsMax, func(l *linkDraft) *int { return &l.MaxBinds })},
	{"WINDOW", "100", "submit_sm in flight per bind, {}", integer(1, windowMax, func(l *linkDraft) *int { return &l.Window })},
	{"TPS", "0", "message parts per second over all binds of the link, for each daemon unless MAX_BINDS is set; 0: as many as the SMSC takes without throttling",
		integer(0, tpsMax, func(l *linkDraft) *int { return &l.TPS })},
	{"ENQUIRE_LINK", "30s", "idle time before an enquire_link, {}",
		duration(time.Second, time.Hour, time.Millisecond, func(l *linkDraft) *time.Duration { return &l.EnquireLink })},
	{"RESPONSE_TIMEOUT", "10s", "how long the SMSC may take to answer, {}",
		duration(time.Second, 5*time.Minute, time.Millisecond, func(l *linkDraft) *time.Duration { return &l.ResponseTimeout })},
	{"TIMEOUT_RESENDS", "1", "times a message that was not answered in time is sent again, over another link of the route when there is one, {}; " +
		"each may be one SMS more; then it is REJECTED with error code 408", integer(0, resendsMax, func(l *linkDraft) *int { return &l.TimeoutResends })},
	{"ON_TIMEOUT", "", "the older name: fail is TIMEOUT_RESENDS=0, resend says nothing", read(readOnTimeout)},
	{"MESSAGE_ID", "auto", "base of message ids in the response, then in the receipt: {}",
		oneOf(func(l *linkDraft) *string { return &l.MessageID }, "auto", "exact", "hex-dec", "dec-hex")},
	{"RECEIPTS", "marked", "what is a delivery receipt: marked, by its esm_class or TLVs; or text, also what only reads like one, which a handset can write too",
		oneOf(func(l *linkDraft) *link.Receipts { return &l.Receipts }, link.ReceiptsMarked, link.ReceiptsText)},
	{"RECEIPT_NUMBER", "check", "check: a receipt from another number than its message's is not taken for it; any: the carrier rewrites numbers",
		oneOf(func(l *linkDraft) *string { return &l.ReceiptNumber }, "check", "any")},
	{"PART_RECEIPTS", "auto", "receipts for a message of several parts: each, one for every part; one, for all of them; auto, as the link has done so far",
		oneOf(func(l *linkDraft) *string { return &l.PartReceipts }, "auto", "each", "one")},
	{"ALPHABET", "gsm7", "what data_coding 0 means there: {}",
		oneOf(func(l *linkDraft) *string { return &l.Alphabet }, "gsm7", "gsm7-packed", "latin1", "ascii")},
	{"LONG", "udh8", "how long messages are split: {}", oneOf(func(l *linkDraft) *string { return &l.Long }, "udh8", "udh16", "sar", "payload")},
	{"NATIONAL", "", "single-shift tables to use where they save parts, by preference: turkish, spanish, portuguese; ask the carrier first", read(readNational)},
	{"TRANSLITERATE", off, "on: typographic quotes, dashes and spaces become plain ones where that saves parts",
		onOff(func(l *linkDraft) *bool { return &l.Transliterate })},
	{"TLVS", "", `optional parameters on every submit_sm: 0x1400="text",0x1401=6869`, read(func(v *value, l *linkDraft) { l.TLVs = v.tlvs() })},
	{"DLT_CHAIN", "", "ids of the telemarketers from ours to the carrier, comma-separated: messages to India carry their hash with the sender's id as TLV 0x1402",
		read(func(v *value, l *linkDraft) { l.Chain.IDs = v.dltChain() })},
	{"DLT_HASH", "on", "off: the ids themselves, for a carrier that adds its own and makes the hash", read(func(v *value, l *linkDraft) { l.Chain.Bare = !v.onOff() })},
	{"SERVICE_TYPE", "", "service_type of every submit_sm, {}", octets(serviceTypeMax, func(l *linkDraft) *string { return &l.ServiceType })},
	{"VALIDITY", "relative", "validity_period, which ends with the PIN: relative, absolute (by this machine's clock, in UTC), or off: the SMSC's own",
		oneOf(func(l *linkDraft) *link.Validity { return &l.Validity }, link.ValidityRelative, link.ValidityAbsolute, link.ValidityOff)},
	{"SENDER_ALPHABET", "link", "of a sender that is a name: link, as ALPHABET says; or gsm7, latin1, ascii",
		oneOf(func(l *linkDraft) *string { return &l.SenderAlphabet }, "link", "gsm7", "latin1", "ascii")},
	{"SOURCE_TON", "", "source_addr_ton, 0 to 255, or by kind of sender: name:5,short:3,number:1, which are the usual ones",
		read(func(v *value, l *linkDraft) { l.SourceTON = v.numbering() })},
	{"SOURCE_NPI", "", "source_addr_npi, as SOURCE_TON; usual are name:0,short:0,number:1", read(func(v *value, l *linkDraft) { l.SourceNPI = v.numbering() })},
	{"DEST_TON", "", "dest_addr_ton, 0 to 255, or by kind of sender as SOURCE_TON; usual is 1", read(func(v *value, l *linkDraft) { l.DestTON = v.numbering() })},
	{"DEST_NPI", "", "dest_addr_npi, as DEST_TON; usual is 1", read(func(v *value, l *linkDraft) { l.DestNPI = v.numbering() })},
	{"STATUS_CLASSES", "", "what the carrier's own statuses mean: 0x401:other-link,0x4a1:throttle; the classes are throttle, delay (this message), retry, other-link (else final), refuse, stop (the link)",
		read(func(v *value, l *linkDraft) { l.Classes = v.statusClasses() })},
	{"TRACE", "", "file of a trace of all PDUs for Wireshark (pcap), without texts and passwords; empty: none",
		read(func(v *value, l *linkDraft) { l.Trace = v.traceFile() })},
	{"TRACE_SIZE", "64", "MiB in the trace file before a new one is begun, 1 to 4096; five older ones are kept",
		read(func(v *value, l *linkDraft) { l.TraceSize = int64(v.integer(1, traceSizeMax)) << 20 })},
}

func readLinks(v *value, l *loader) {
	switch {
	case v.text != "":
	case l.config.NATS.URL != "":
		v.warn("is not set: messages wait until another daemon on the same NATS sends them")
	default:
		v.fault("is not set: name at least one carrier link, like OTPGW_LINKS=carrier1 (or try otpgw -demo)")
	}
	each(l, v, linkGroup, linkRows,
		func(name string) *linkDraft { return &linkDraft{Config: link.Config{Name: name}} },
		func(s scope, d *linkDraft) {
			s.clientCertificate(d)
			l.config.Links = append(l.config.Links, d.Config)
		})
	l.sharedTraces()
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

// readOnTimeout reads what TIMEOUT_RESENDS replaced: no resend at all, or as many as it says.
func readOnTimeout(v *value, l *linkDraft) {
	switch v.trim() {
	case "", "resend":
	case "fail":
		l.TimeoutResends = 0
		v.warn("has a newer name; say %sTIMEOUT_RESENDS=0", v.prefix)
	default:
		v.bad(v.text, "resend or fail")
	}
}

func readSystemID(v *value, l *linkDraft) {
	if l.SystemID = v.octets(systemIDMax); l.SystemID == "" {
		v.fault("is not set: give the account that the carrier gave you")
	}
}

// octets is a C-octet string of SMPP.
func octets[T any](most int, field func(*T) *string) reader[T] {
	r := read(func(v *value, to *T) { *field(to) = v.octets(most) })
	r.takes = fmt.Sprintf("at most %d octets", most)
	return r
}

func (v *value) octets(most int) string {
	switch {
	case !printableASCII(v.trim()):
		v.bad(v.text, "printable ASCII")
	case len(v.text) > most:
		v.fault("has %d octets; SMPP has room for %d", len(v.text), most)
	}
	return v.text
}

// octetValue reads one octet, decimal or with 0x.
func (v *value) octetValue(least uint64) byte {
	n, err := strconv.ParseUint(v.trim(), 0, 8)
	if err != nil || n < least {
		v.bad(v.text, "an octet, like 0x34")
		return 0
	}
	v.text = fmt.Sprintf("0x%02X", n)
	return byte(n)
}

// sourceAddr reads an address of this machine. Whether it is one is seen when the link connects: it may come
// later, with an interface.
func (v *value) sourceAddr(family link.Family) netip.Addr {
	if v.trim() == "" {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(v.text)
	addr = addr.Unmap()
	switch {
	case err != nil || addr.IsMulticast():
		v.bad(v.text, "an IP address of this machine, like 192.0.2.7")
	case family == link.FamilyIPv4 && !addr.Is4(), family == link.FamilyIPv6 && addr.Is4():
		v.fault("%q is no address of the family that %sFAMILY names", v.text, v.prefix)
	}
	return addr
}

// readNational reads the national languages whose tables may be used.
func readNational(v *value, l *linkDraft) {
	known := []string{string(text.LanguageTurkish), string(text.LanguageSpanish), string(text.LanguagePortuguese)}
	l.National = v.list()
	for _, language := range l.National {
		if language != "" && !slices.Contains(known, language) {
			v.bad(language, strings.Join(known, ", ")+", or several of them with commas")
		}
	}
	if len(l.National) > 0 && l.Alphabet != "gsm7" && l.Alphabet != "gsm7-packed" {
		v.fault("is set but %sALPHABET is %s; the tables are of the GSM alphabet", v.prefix, l.Alphabet)
	}
}

// traceFile reads a path in a folder that is there; the file itself is made.
func (v *value) traceFile() string {
	if v.text == "" {
		return ""
	}
	if info, err := os.Stat(filepath.Dir(v.text)); err != nil || !info.IsDir() {
		v.fault("%q is in no folder that is there; make the folder first", v.text)
	}
	if info, err := os.Stat(v.text); err == nil && !info.Mode().IsRegular() {
		v.bad(v.text, "a file")
	}
	return v.text
}

// password warns of a length that the specification forbids and many carriers give out all the same.
func (v *value) password() string {
	if strings.ContainsFunc(v.text, func(r rune) bool { return r < 0x20 || r == 0x7F }) {
		v.fault("holds a control character, which SMPP cannot carry")
	}
	if len(v.text) > passwordMax {
		v.warn("has %d octets where SMPP 3.4 allows %d; it is sent as it is, and a strict SMSC refuses it", len(v.text), passwordMax)
	}
	return v.text
}

func readTLS(v *value, l *linkDraft) {
	if v.onOff() {
		host, _, _ := net.SplitHostPort(l.Addr)
		l.TLS = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
}

// withTLS reads what only an encrypted link has. That it is set while TLS is off is a fault: whoever set it
// believes the link is encrypted.
func withTLS(do func(v *value, l *linkDraft)) reader[linkDraft] {
	return read(func(v *value, l *linkDraft) {
		switch {
		case v.trim() == "":
		case l.TLS == nil:
			v.fault("is set but %sTLS is off; turn it on, or take this out", v.prefix)
		default:
			do(v, l)
		}
	})
}

func readAuthorities(v *value, l *linkDraft) {
	if authorities := v.file(); authorities != nil {
		l.TLS.RootCAs = x509.NewCertPool()
		if !l.TLS.RootCAs.AppendCertsFromPEM(authorities) {
			v.fault("%q holds no certificate; it should be a PEM file", v.text)
		}
	}
}

func readServerName(v *value, l *linkDraft) {
	if strings.ContainsAny(v.text, ":/ ") && net.ParseIP(v.text) == nil {
		v.bad(v.text, "a host name without a port, like smsc.example.net")
	}
	l.TLS.ServerName = v.text
}

// clientCertificate loads what we show an SMSC that asks who we are.
func (s scope) clientCertificate(l *linkDraft) {
	switch {
	case l.certificate == nil && l.key == nil, s.hasFault("TLS_CERT", "TLS_KEY"):
		return
	case l.key == nil:
		s.faultOf("TLS_KEY", "is not set, but %sTLS_CERT is; a certificate needs its key", s.prefix)
		return
	case l.certificate == nil:
		s.faultOf("TLS_CERT", "is not set, but %sTLS_KEY is; a key needs its certificate", s.prefix)
		return
	}
	pair, err := tls.X509KeyPair(l.certificate, l.key)
	if err != nil {
		s.faultOf("TLS_CERT", "does not go with %sTLS_KEY: %v", s.prefix, err)
		return
	}
	l.TLS.Certificates = []tls.Certificate{pair}
}
