package link

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// BindMode says which binds a link keeps.
type BindMode string

// The bind modes of OTPGW_LINK_<NAME>_BIND.
const (
	BindTransceiver BindMode = "transceiver"
	BindSplit       BindMode = "split" // a transmitter and a receiver
)

// Family is the kind of address that a link connects to.
type Family string

// The families of OTPGW_LINK_<NAME>_FAMILY. The zero value is FamilyAny.
const (
	FamilyAny  Family = "any"
	FamilyIPv4 Family = "ipv4"
	FamilyIPv6 Family = "ipv6"
)

// The statuses of messages that ended without an SMSC's word. No SMSC gives them: SMPP 3.4, 5.1.3, reserves
// the numbers around them.
const (
	StatusNoAnswer wire.Status = 408 // as often as TimeoutResends allows, no answer came in time
	StatusHungUp   wire.Status = 444 // the SMSC ended the session whenever the message was in flight, also alone
)

// Validity says how a link writes validity_period (SMPP 3.4, 5.2.16).
type Validity string

// The choices of OTPGW_LINK_<NAME>_VALIDITY. The zero value is ValidityRelative.
const (
	ValidityRelative Validity = "relative" // 000000000500000R
	ValidityAbsolute Validity = "absolute" // YYMMDDhhmmss000+, for carriers that know no relative time; by the wall clock
	ValidityOff      Validity = "off"      // empty: as long as the SMSC likes
)

// Numbering is a TON or an NPI by the kind of a message's sender; what is not in it is as package text has
// it.
type Numbering map[text.SenderKind]byte

func (n Numbering) of(kind text.SenderKind, usual byte) byte {
	if v, ok := n[kind]; ok {
		return v
	}
	return usual
}

// TLV is an optional parameter (SMPP 3.4, 5.3).
type TLV = wire.TLV

// Config is one carrier link. It is configuration: built once at start, then only read.
type Config struct {
	Name       string
	Addr       string // host:port
	Family     Family
	SourceAddr netip.Addr // the address of ours to connect from; zero: what the system chooses
	TLS        *tls.Config

	SystemID         string       // at most 15 octets (SMPP 3.4, 5.2.1)
	Password         string       // at most 8 octets by the specification (5.2.2); longer ones are sent as they are
	SystemType       string       // at most 12 octets (5.2.3)
	InterfaceVersion byte         // 5.2.4; zero: 0x34
	AddressRange     wire.Address // 5.2.5 to 5.2.7, mostly empty

	Bind  BindMode
	Binds int // binds held at once, each with its own window
	// MaxBinds is how many binds, or pairs of a transmitter and a receiver, all daemons that share the store
	// may hold at once; the places are leased (lease.go) and TPS is shared by them. Zero: no limit.
	MaxBinds int
	Window   int // submit_sm in flight per bind
	TPS      int // parts per second over the whole link; 0: as many as the SMSC takes

	EnquireLink     time.Duration // idle time before an enquire_link
	ResponseTimeout time.Duration // how long an answer may take
	// TimeoutResends is how often a message that was not answered in time is sent again, over all links and
	// daemons. Each time may be one SMS more.
	TimeoutResends int

	Receipts      Receipts
	ReceiptNumber string // check, any: whether a receipt's number must be its message's
	PartReceipts  string // auto, each, one: receipts for a message of several parts
	MessageID     string // auto, exact, hex-dec, dec-hex: base in the response, then in the receipt
	Alphabet      string // what data_coding 0 means there: gsm7, gsm7-packed, latin1, ascii
	Long          string // how a long message is split: udh8, udh16, sar, payload
	National      []string
	Transliterate bool
	TLVs          []TLV // put on every submit_sm, unless the message brings its own of that tag

	Chain Chain // for messages to India

	ServiceType          string    // service_type (5.2.11), at most 5 octets
	Validity             Validity  // of validity_period
	SenderAlphabet       string    // of a sender's name; empty or "link": Alphabet
	SourceTON, SourceNPI Numbering // of the sender
	DestTON, DestNPI     Numbering // of the number

	Classes map[wire.Status]Class // what the carrier's own statuses mean, before Classify

	Trace     string // file of the PDU trace; empty: none
	TraceSize int64  // octets in it before the next one is begun; zero: DefaultTraceSize

	Routes []Route // the routes this link serves
}

// Route is a link's part in a route: its name, the link's priority there, 0 first, and its weight among the
// links of that priority; 0: none of them has one, and the link that asks first sends.
type Route struct {
	Name     string
	Priority uint8
	Weight   int
	Judged   bool // the link's part of the messages goes by how it does, too (Deps.Due)
}

// share is what a link is due of the route's messages, in the queue's terms: its weight, times what it is due
// by how it does, if it is judged. Nil: it sends as it keeps up.
func (r Route) share(link string, due func(link, country string) float64) func(country string) float64 {
	weight := float64(max(r.Weight, 1))
	switch {
	case r.Judged && due != nil:
		return func(country string) float64 { return weight * due(link, country) }
	case r.Weight > 0:
		return func(string) float64 { return weight }
	}
	return nil
}

// Text is how the link writes text: what the gateway counts parts by must be what it sends.
func (c Config) Text() text.Options {
	o := text.Options{Alphabet: text.Alphabet(c.Alphabet), Long: text.Long(c.Long), Transliterate: c.Transliterate}
	for _, language := range c.National {
		o.National = append(o.National, text.Language(language))
	}
	return o
}
