package server

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Field is one field of a PDU as it is on the wire.
type Field struct {
	Name    string `json:"name"`              // by the specification: source_addr_ton
	Value   string `json:"value"`             // a number in decimal, a string, or octets in hexadecimal
	Meaning string `json:"meaning,omitempty"` // what the value says
	Offset  int    `json:"offset"`            // in the PDU
	Length  int    `json:"length"`            // in octets, with a string's NUL and a TLV's header
	TLV     bool   `json:"tlv,omitempty"`
}

// dissector names what the fields of a PDU say, by what those in front of them said.
type dissector struct {
	out    []Field
	coding byte
	class  byte
	ton    byte // of the address that is read

	alphabet text.Alphabet // of data_coding 0 and names of senders
}

// Dissect reads every field of a PDU, as far as it can be read: what cannot is one last field of octets. It
// never fails.
func Dissect(raw []byte) []Field { return dissect(raw, "") }

func dissect(raw []byte, alphabet text.Alphabet) []Field {
	d := &dissector{alphabet: alphabet}
	at := 0
	// take enters a span that begins at octet base of the PDU, behind what stands in front of it and is of no
	// field.
	take := func(s *wire.Span, base int, value, meaning string) {
		if s.From == s.To && !s.Whole {
			return // the PDU ends before it
		}
		d.undecoded(raw, at, base+s.From)
		at = base + s.To
		d.out = append(d.out, Field{Name: s.Name, Value: value, Meaning: meaning, Offset: base + s.From, Length: s.To - s.From, TLV: s.TLV})
	}
	for s := range wire.HeaderSpans(raw) {
		if s.Whole {
			take(s, 0, strconv.FormatUint(uint64(s.Uint()), 10), headerMeaning(s.Name, s.Uint(), len(raw)))
		}
	}
	if at == wire.HeaderLen {
		for s := range wire.Spans(headerOf(raw).Command, raw[wire.HeaderLen:]) {
			if s.Kind == wire.Uint32 && !s.Whole {
				break
			}
			if s.TLV {
				s.Field = &wire.Field{Name: wire.TagName(s.Tag)}
			}
			value, meaning := d.read(s)
			take(s, wire.HeaderLen, value, meaning)
		}
	}
	d.undecoded(raw, at, len(raw))
	return d.out
}

// undecoded enters octets that are of no field.
func (d *dissector) undecoded(raw []byte, from, to int) {
	if from < to {
		d.out = append(d.out, Field{Name: "undecoded", Value: hex.EncodeToString(raw[from:to]), Offset: from, Length: to - from})
	}
}

func headerMeaning(name string, v uint32, length int) string {
	switch name {
	case "command_length":
		if uint64(v) != uint64(length) {
			return fmt.Sprintf("the PDU has %d octets", length)
		}
	case "command_id":
		return wire.Command(v).String()
	case "command_status":
		return wire.Status(v).Name()
	}
	return ""
}

// read is a field's value as it is written, and what it means.
func (d *dissector) read(s *wire.Span) (value, meaning string) {
	switch {
	case s.TLV:
		value, meaning = d.tlv(s.Tag, s.Value)
		if !s.Whole {
			meaning = fmt.Sprintf("it is cut: it says it has %d octets", s.Announced)
		}
		return value, meaning
	case s.Kind == wire.CString && !s.Whole:
		return printable(s.Value), "its NUL is missing"
	case s.Kind == wire.CString:
		return printable(s.Value), d.nameMeaning(s.Name, string(s.Value))
	case s.Kind == wire.Octets && !s.Whole:
		return hex.EncodeToString(s.Value), "it is cut"
	case s.Kind == wire.Octets:
		return hex.EncodeToString(s.Value), d.textMeaning(s.Value)
	case s.Kind == wire.Uint32:
		return strconv.FormatUint(uint64(s.Uint()), 10), wire.Status(s.Uint()).Name()
	case !s.Whole:
		return "", ""
	}
	v := s.Value[0]
	switch s.Name {
	case "source_addr_ton", "dest_addr_ton":
		d.ton = v
	case "esm_class":
		d.class = v
	case "data_coding":
		d.coding = v
	}
	return strconv.Itoa(int(v)), d.octetMeaning(s.Name, v)
}

// textMeaning is the text of a short_message or message_payload.
func (d *dissector) textMeaning(b []byte) string {
	part, _ := text.ParsePart(d.class, d.coding, b, nil)
	part.Number, part.Total = 1, 1
	s, _ := text.Join([]text.Part{part}, d.alphabet)
	return s
}

// nameMeaning is a name of letters in an address as people read it, when its octets are not that.
func (d *dissector) nameMeaning(field, octets string) string {
	if d.ton != text.TONAlphanumeric || field != "source_addr" && field != "destination_addr" {
		return ""
	}
	if name := text.ReadAddress(d.ton, octets, d.alphabet); name != octets {
		return name
	}
	return ""
}

// tlv writes the value of an optional parameter, and says what it means.
func (d *dissector) tlv(tag uint16, value []byte) (v, meaning string) {
	switch tag {
	case wire.TagMessagePayload:
		return hex.EncodeToString(value), d.textMeaning(value)
	case wire.TagReceiptedMessageID, wire.TagStatusInfoText:
		return printable(bytes.TrimRight(value, "\x00")), ""
	case wire.TagMessageState:
		if len(value) == 1 {
			return strconv.Itoa(int(value[0])), stateMeaning(value[0])
		}
	case wire.TagNetworkErrorCode:
		if len(value) == 3 && value[0] < '0' {
			return hex.EncodeToString(value), fmt.Sprintf("network type %d, error %d", value[0], int(value[1])<<8|int(value[2]))
		}
	}
	switch {
	case len(value) == 1 || len(value) == 2 && tag < 0x1000:
		n := 0
		for _, c := range value {
			n = n<<8 | int(c)
		}
		return strconv.Itoa(n), ""
	case len(value) > 0 && printableASCII(value):
		return hex.EncodeToString(value), string(value)
	}
	return hex.EncodeToString(value), ""
}

func stateMeaning(n byte) string {
	if n < byte(wire.Enroute) || n > byte(wire.Rejected) {
		return ""
	}
	return wire.MessageState(n).String()
}

var (
	tonNames = [...]string{
		"unknown", "international", "national", "network specific", "subscriber number", "alphanumeric", "abbreviated",
	}
	npiNames = map[byte]string{
		0: "unknown", 1: "ISDN (E.163/E.164)", 3: "data (X.121)", 4: "telex (F.69)", 6: "land mobile (E.212)", 8: "national",
		9: "private", 10: "ERMES", 14: "Internet (IP)", 18: "WAP client id",
	}
)

// octetMeaning says what the value of a field of one octet means (SMPP 3.4, 5.2).
func (d *dissector) octetMeaning(name string, v byte) string {
	switch {
	case strings.HasSuffix(name, "_ton"):
		if int(v) < len(tonNames) {
			return tonNames[v]
		}
	case strings.HasSuffix(name, "_npi"):
		return npiNames[v]
	}
	switch name {
	case "esm_class":
		return classMeaning(v)
	case "registered_delivery":
		s := [...]string{"no receipt", "receipt on success and failure", "receipt on failure", "receipt on success"}[v&3]
		if v&0x10 != 0 {
			s += ", intermediate notifications"
		}
		return s
	case "data_coding":
		return string(text.EncodingOf(v, d.alphabet))
	case "message_state":
		return stateMeaning(v)
	case "interface_version":
		return fmt.Sprintf("%d.%d", v>>4, v&15)
	case "dest_flag":
		return map[byte]string{1: "SME address", 2: "distribution list"}[v]
	}
	return ""
}

func classMeaning(v byte) string {
	words := []string{[...]string{"default mode", "datagram", "forward", "store and forward"}[v&3]}
	if kind, ok := map[byte]string{
		0x04: "delivery receipt", 0x08: "delivery acknowledgement", 0x10: "user acknowledgement", 0x18: "conversation abort",
		0x20: "intermediate notification",
	}[v&wire.ESMClassTypeMask]; ok {
		words = append(words, kind)
	}
	if v&wire.ESMClassUDHI != 0 {
		words = append(words, "user data header")
	}
	if v&0x80 != 0 {
		words = append(words, "reply path")
	}
	return strings.Join(words, ", ")
}

// printable is a string of a PDU as it can be shown.
func printable(b []byte) string {
	if utf8.Valid(b) && !bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' || r == 0x7F }) {
		return string(b)
	}
	return strings.Trim(strconv.QuoteToASCII(string(b)), `"`)
}

func printableASCII(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
