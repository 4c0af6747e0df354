package link

import (
	"crypto/tls"
	"time"

	"otpgw/smpp/wire"
)

// BindMode says which binds a link keeps.
type BindMode string

// The bind modes of OTPGW_LINK_<NAME>_BIND.
const (
	BindTransceiver BindMode = "transceiver"
	BindSplit       BindMode = "split" // a transmitter and a receiver
)

// TLV is an optional parameter (SMPP 3.4, 5.3).
type TLV = wire.TLV

// Config is one carrier link. It is configuration: built once at start, then only read.
type Config struct {
	Name       string
	Addr       string // host:port
	SystemID   string // at most 15 octets (SMPP 3.4, 5.2.1)
	Password   string // at most 8 octets by the specification (5.2.2); longer ones are sent as they are
	SystemType string // at most 12 octets (5.2.3)
	TLS        *tls.Config

	Bind   BindMode
	Binds  int // binds held at once, each with its own window
	Window int // submit_sm in flight per bind
	TPS    int // parts per second over the whole link; 0 is no limit

	EnquireLink     time.Duration // idle time before an enquire_link
	ResponseTimeout time.Duration // how long an answer may take

	MessageID string // auto, exact, hex-dec, dec-hex: base in the response, then in the receipt
	Alphabet  string // what data_coding 0 means there: gsm7, gsm7-packed, latin1, ascii
	Long      string // how a long message is split: udh8, udh16, sar, payload
	TLVs      []TLV  // put on every submit_sm

	Routes []Route // the routes this link serves
}

// Route is a link's part in a route: its name and the link's priority there, 0 first.
type Route struct {
	Name     string
	Priority uint8
}
