package behave

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/otpgw/otpgw/smpp/wire"
)

// ReceiptFormat names a layout of receipts. All of them are met in the wild, and all but tlv-only say the
// same.
type ReceiptFormat string

// The layouts.
const (
	FormatStandard    ReceiptFormat = "standard"      // SMPP 3.4, appendix B, and the TLVs that say the same
	FormatTextOnly    ReceiptFormat = "text-only"     // without TLVs
	FormatTLVOnly     ReceiptFormat = "tlv-only"      // TLVs, and no text
	FormatUpper       ReceiptFormat = "upper"         // keys in upper case
	FormatSpelled     ReceiptFormat = "spelled"       // keys in mixed case, the state in full: Delivered, Failed
	FormatStateFirst  ReceiptFormat = "state-first"   // stat and err in front, id behind them
	FormatShort       ReceiptFormat = "short"         // id, stat and err, no more
	FormatNoText      ReceiptFormat = "no-text"       // no text field
	FormatSeconds     ReceiptFormat = "seconds"       // dates YYMMDDhhmmss
	FormatLongDates   ReceiptFormat = "long-dates"    // dates YYYYMMDDhhmmss with a time zone behind them
	FormatNumeric     ReceiptFormat = "numeric"       // the state as its number: stat:2
	FormatCutState    ReceiptFormat = "cut-state"     // the state a letter short or misspelt: DELIVR, UNDELI, BUFFRED
	FormatTrailing    ReceiptFormat = "trailing"      // spaces and NULs behind it
	FormatGarbage     ReceiptFormat = "garbage"       // octets of no meaning in front of id:
	FormatTwice       ReceiptFormat = "twice"         // each key twice
	FormatUnderscores ReceiptFormat = "underscores"   // message_id:, submit_date:, done_date:
	FormatLines       ReceiptFormat = "lines"         // one field a line
	FormatHexErr      ReceiptFormat = "hex-err"       // err in hexadecimal, 0x1b
	FormatNetworkErr  ReceiptFormat = "network-err"   // err only in network_error_code, as ASCII digits
	FormatUCS2        ReceiptFormat = "ucs2"          // the text in UCS-2
	FormatPayload     ReceiptFormat = "payload"       // the text in message_payload
	FormatUDH         ReceiptFormat = "udh"           // esm_class 0x44, and a header in front of the text
	FormatCutTLV      ReceiptFormat = "cut-tlv"       // the last TLV says it is longer than the PDU
	FormatESMClass0   ReceiptFormat = "esm-class-0"   // not marked as a receipt but by its TLVs
	FormatNoNULID     ReceiptFormat = "tlv-id-no-nul" // receipted_message_id without its NUL
)

var receiptFormats = []ReceiptFormat{
	FormatStandard, FormatTextOnly, FormatTLVOnly, FormatUpper, FormatSpelled, FormatStateFirst, FormatShort, FormatNoText,
	FormatSeconds, FormatLongDates, FormatNumeric, FormatCutState, FormatTrailing, FormatGarbage, FormatTwice,
	FormatUnderscores, FormatLines, FormatHexErr, FormatNetworkErr, FormatUCS2, FormatPayload, FormatUDH, FormatCutTLV,
	FormatESMClass0, FormatNoNULID,
}

// ReceiptFormats lists the layouts.
func ReceiptFormats() []ReceiptFormat { return slices.Clone(receiptFormats) }

// Validate refuses a name that is none, as a *FieldError about that field; empty is none chosen.
func (f ReceiptFormat) Validate(field string) error { return oneOf(field, f, receiptFormats) }

// ReceiptData is what a receipt says.
type ReceiptData struct {
	ID              string
	State           wire.MessageState
	StateText       string // instead of State's word
	Err             string
	Submitted, Done time.Time
	Excerpt         string
	Reference       []byte // user_message_reference of the message; nil: it had none
}

func (d ReceiptData) delivered() string {
	if d.State == wire.Delivered {
		return "001"
	}
	return "000"
}

const (
	dateMinutes = "0601021504"
	dateSeconds = "060102150405"
	dateLong    = "20060102150405-0700"
)

// Text writes the fields as the layout has them.
func (f ReceiptFormat) Text(d ReceiptData) string {
	submitted, done := d.Submitted.Format(f.date()), d.Done.Format(f.date())
	stat := f.stat(d)
	switch f {
	case FormatStandard, FormatTextOnly, "":
		return strings.Join([]string{
			"id:", d.ID, " sub:001 dlvrd:", d.delivered(), " submit date:", submitted,
			" done date:", done, " stat:", stat, " err:", d.Err, " text:", d.Excerpt,
		}, "")
	case FormatTLVOnly:
		return ""
	case FormatShort:
		return "id:" + d.ID + " stat:" + stat + " err:" + d.Err
	case FormatStateFirst:
		return "stat:" + stat + " err:" + d.Err + " sub:001 dlvrd:" + d.delivered() + " submit date:" + submitted +
			" done date:" + done + " id:" + d.ID + " text:" + d.Excerpt
	}
	fields := [][2]string{
		{"id", d.ID}, {"sub", "001"}, {"dlvrd", d.delivered()}, {"submit date", submitted}, {"done date", done},
		{"stat", stat}, {"err", d.Err}, {"text", d.Excerpt},
	}
	return f.lay(fields)
}

// lay writes the fields in the layouts that differ in little from the standard.
func (f ReceiptFormat) lay(fields [][2]string) string {
	gap, repeat := " ", 1
	switch f {
	case FormatNoText:
		fields = fields[:7]
	case FormatLines:
		gap = "\r\n"
	case FormatTwice:
		repeat = 2
	}
	var b strings.Builder
	if f == FormatGarbage {
		b.WriteString("\x05\x00\x03\x7f\x01\x01 #%")
	}
	for _, kv := range fields {
		key := kv[0]
		switch f {
		case FormatUpper:
			key = strings.ToUpper(key)
		case FormatSpelled:
			key = strings.ToUpper(key[:1]) + key[1:]
		case FormatUnderscores:
			key = strings.ReplaceAll(key, " ", "_")
			if key == "id" {
				key = "message_id"
			}
		}
		n := repeat
		switch key {
		case "text":
			n = 1
		case "err":
			if f == FormatNetworkErr {
				continue
			}
		}
		value := kv[1]
		if key == "err" && f == FormatHexErr {
			value = hexErr(value)
		}
		for range n {
			if b.Len() > 0 {
				b.WriteString(gap)
			}
			b.WriteString(key + ":" + value)
		}
	}
	if f == FormatTrailing {
		b.WriteString("    \x00\x00")
	}
	return b.String()
}

// hexErr is an error code in hexadecimal, when it is a decimal number.
func hexErr(code string) string {
	n := 0
	for _, c := range code {
		if c < '0' || c > '9' || n > 0xFFFF {
			return code
		}
		n = n*10 + int(c-'0')
	}
	const digits = "0123456789abcdef"
	s := ""
	for ; n > 0; n /= 16 {
		s = digits[n%16:n%16+1] + s
	}
	return "0x" + strings.Repeat("0", max(0, 2-len(s))) + s
}

func (f ReceiptFormat) date() string {
	switch f {
	case FormatSeconds, FormatSpelled:
		return dateSeconds
	case FormatLongDates:
		return dateLong
	}
	return dateMinutes
}

// spelled are the states in full.
var spelled = map[wire.MessageState]string{
	wire.Delivered: "Delivered", wire.Undeliverable: "Failed", wire.Expired: "Expired", wire.Rejected: "Rejected", wire.Deleted: "Deleted",
	wire.Accepted: "Accepted", wire.Enroute: "Enroute", wire.Unknown: "Unknown",
}

// stat is the state as the layout writes it.
func (f ReceiptFormat) stat(d ReceiptData) string {
	switch {
	case d.StateText != "":
		return d.StateText
	case f == FormatSpelled:
		return spelled[d.State]
	case f == FormatNumeric:
		return string('0' + rune(d.State))
	case f == FormatCutState && d.State == wire.Enroute:
		return "BUFFRED"
	case f == FormatCutState:
		return d.State.String()[:6]
	}
	return d.State.String()
}

// tlvs are the optional parameters of the layout.
func (f ReceiptFormat) tlvs(d ReceiptData) wire.TLVs {
	switch f {
	case FormatStandard, FormatTLVOnly, FormatCutTLV, FormatESMClass0, FormatNoNULID, "":
	case FormatNetworkErr:
		return wire.TLVs{{Tag: wire.TagNetworkErrorCode, Value: []byte(d.Err)}}
	default:
		return nil
	}
	id := append([]byte(d.ID), 0)
	if f == FormatNoNULID {
		id = id[:len(d.ID)]
	}
	tlvs := wire.TLVs{{Tag: wire.TagReceiptedMessageID, Value: id}}
	if d.StateText == "" {
		tlvs = append(tlvs, wire.TLV{Tag: wire.TagMessageState, Value: []byte{byte(d.State)}})
	}
	if f == FormatTLVOnly && d.State != wire.Delivered {
		tlvs = append(tlvs, wire.TLV{Tag: wire.TagNetworkErrorCode, Value: networkError(d.Err)})
	}
	return tlvs
}

// networkError is network_error_code of a GSM network (SMPP 3.4, 5.3.2.31).
func networkError(code string) []byte {
	n := 0
	for _, c := range code {
		if c >= '0' && c <= '9' && n < 6000 {
			n = n*10 + int(c-'0')
		}
	}
	return []byte{3, byte(n >> 8), byte(n)}
}

// Fill writes the receipt into a PDU.
func (f ReceiptFormat) Fill(m *wire.Message, d ReceiptData) {
	t := f.Text(d)
	m.ShortMessage = []byte(t)
	if m.TLVs = f.tlvs(d); d.Reference != nil && (m.TLVs != nil || f == FormatPayload) {
		m.TLVs = append(m.TLVs, wire.TLV{Tag: wire.TagUserMessageReference, Value: d.Reference})
	}
	switch f {
	case FormatUCS2:
		m.DataCoding = 8
		m.ShortMessage = ucs2(t)
		if len(m.ShortMessage) > 254 {
			m.TLVs = append(m.TLVs, wire.TLV{Tag: wire.TagMessagePayload, Value: m.ShortMessage})
			m.ShortMessage = nil
		}
	case FormatPayload:
		m.TLVs = append(m.TLVs, wire.TLV{Tag: wire.TagMessagePayload, Value: m.ShortMessage})
		m.ShortMessage = nil
	case FormatUDH:
		m.ESMClass |= wire.ESMClassUDHI
		m.ShortMessage = append([]byte{0x05, 0x00, 0x03, 0x2A, 0x01, 0x01}, m.ShortMessage...)
	case FormatESMClass0:
		m.ESMClass = 0
	}
}

// WithoutTLVs is the layout for a client that knows no optional parameters: the same text, or the standard
// one when the layout is all parameters.
func (f ReceiptFormat) WithoutTLVs() ReceiptFormat {
	switch f {
	case FormatStandard, FormatTLVOnly, FormatNetworkErr, FormatPayload, FormatCutTLV, FormatESMClass0, FormatNoNULID, "":
		return FormatTextOnly
	}
	return f
}

// PDU is what goes out as one PDU.
type PDU interface {
	Encode(wire.Header) ([]byte, error)
}

// Finish is the PDU of a receipt that was filled in.
func (f ReceiptFormat) Finish(m *wire.Message) PDU {
	if f == FormatCutTLV {
		return cutPDU{m}
	}
	return m
}

// cutPDU is a message whose last TLV says that it is longer than the PDU.
type cutPDU struct{ *wire.Message }

// Encode returns the PDU.
func (p cutPDU) Encode(h wire.Header) ([]byte, error) {
	b, err := p.Message.Encode(h)
	if err != nil {
		return nil, err
	}
	b = append(b, 0x14, 0x00, 0x00, 0x20, 'c', 'u', 't')
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b, nil
}

func ucs2(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return b
}
