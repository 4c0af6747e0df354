package server

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/smsc/conform"
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

// commandName is the specification's name of a command_id, or its number.
func commandName(c wire.Command) string {
	if name, ok := conform.Name(c); ok {
		return name
	}
	return fmt.Sprintf("0x%08X", uint32(c))
}

// dissector reads a PDU from front to back.
type dissector struct {
	raw    []byte
	at     int
	out    []Field
	length int // sm_length
	coding byte
	class  byte
	ton    byte // of the address that is read

	alphabet text.Alphabet // of data_coding 0 and names of senders
}

// Dissect reads every field of a PDU, as far as it can be read: what cannot is one last field of octets. It never fails.
func Dissect(raw []byte) []Field { return dissect(raw, "") }

func dissect(raw []byte, alphabet text.Alphabet) []Field {
	d := &dissector{raw: raw, alphabet: alphabet}
	for _, name := range [...]string{"command_length", "command_id", "command_status", "sequence_number"} {
		if len(raw)-d.at < 4 {
			d.rest()
			return d.out
		}
		v := d.number(4)
		d.add(name, 4, strconv.FormatUint(v, 10), headerMeaning(name, v, len(raw)))
	}
	command := headerOf(raw).Command
	fields, known := conform.Layout(command)
	for _, f := range fields {
		if d.at >= len(raw) || !d.field(f.Name, f.Kind) {
			break
		}
	}
	if known && len(fields) > 0 {
		d.tlvs()
	}
	d.rest()
	return d.out
}

func headerMeaning(name string, v uint64, length int) string {
	switch name {
	case "command_length":
		if v != uint64(length) {
			return fmt.Sprintf("the PDU has %d octets", length)
		}
	case "command_id":
		return commandName(wire.Command(v))
	case "command_status":
		return wire.Status(v).Name()
	}
	return ""
}

func (d *dissector) number(n int) (v uint64) {
	for _, c := range d.raw[d.at : d.at+n] {
		v = v<<8 | uint64(c)
	}
	return v
}

// add enters a field of n octets, and goes behind it.
func (d *dissector) add(name string, n int, value, meaning string) {
	d.out = append(d.out, Field{Name: name, Value: value, Meaning: meaning, Offset: d.at, Length: n})
	d.at += n
}

func (d *dissector) rest() {
	if d.at < len(d.raw) {
		d.add("undecoded", len(d.raw)-d.at, hex.EncodeToString(d.raw[d.at:]), "")
	}
}

// field reads one field, and reports whether it was all there.
func (d *dissector) field(name string, s conform.Kind) bool {
	left := d.raw[d.at:]
	switch s {
	case conform.CString:
		i := bytes.IndexByte(left, 0)
		if i < 0 {
			d.add(name, len(left), printable(left), "its NUL is missing")
			return false
		}
		d.add(name, i+1, printable(left[:i]), d.nameMeaning(name, string(left[:i])))
		return true
	case conform.Octets:
		n := min(d.length, len(left))
		meaning := ""
		if n < d.length {
			meaning = "it is cut"
		}
		d.octets(name, n, meaning)
		return n == d.length
	case conform.Dests, conform.Refused:
		return d.list(name, s)
	}
	if len(left) == 0 {
		return false
	}
	v := left[0]
	switch name {
	case "source_addr_ton", "dest_addr_ton":
		d.ton = v
	case "esm_class":
		d.class = v
	case "data_coding":
		d.coding = v
	}
	if s == conform.Length {
		d.length = int(v)
	}
	d.add(name, 1, strconv.Itoa(int(v)), d.octetMeaning(name, v))
	return true
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

// octets enters the octets of a text, with the text as what they mean.
func (d *dissector) octets(name string, n int, meaning string) {
	b := d.raw[d.at : d.at+n]
	if meaning == "" {
		part, _ := text.ParsePart(d.class, d.coding, b, nil)
		part.Number, part.Total = 1, 1
		meaning, _ = text.Join([]text.Part{part}, d.alphabet)
	}
	d.add(name, n, hex.EncodeToString(b), meaning)
}

// The entries of a list of destinations.
var (
	oneDest = []conform.Field{
		{Name: "dest_addr_ton"}, {Name: "dest_addr_npi"}, {Name: "destination_addr", Kind: conform.CString},
	}
	oneList = []conform.Field{{Name: "dl_name", Kind: conform.CString}}
)

// list reads the destinations of a submit_multi, or those that its response refuses.
func (d *dissector) list(name string, s conform.Kind) bool {
	if d.at >= len(d.raw) {
		return false
	}
	n := int(d.raw[d.at])
	d.add(name, 1, strconv.Itoa(n), "")
	address := oneDest
	for range n {
		if s == conform.Dests {
			if d.at >= len(d.raw) {
				return false
			}
			flag := d.raw[d.at]
			if !d.field("dest_flag", conform.Integer) {
				return false
			}
			if address = oneDest; flag == 2 {
				address = oneList
			}
		}
		for _, f := range address {
			if !d.field(f.Name, f.Kind) {
				return false
			}
		}
		if s == conform.Refused {
			if len(d.raw)-d.at < 4 {
				return false
			}
			v := d.number(4)
			d.add("error_status_code", 4, strconv.FormatUint(v, 10), wire.Status(v).Name())
		}
	}
	return true
}

// tlvs reads the optional parameters.
func (d *dissector) tlvs() {
	for len(d.raw)-d.at >= 4 {
		tag := uint16(d.number(2))
		n := int(d.raw[d.at+2])<<8 | int(d.raw[d.at+3])
		value := d.raw[d.at+4:]
		meaning := ""
		if n > len(value) {
			meaning = fmt.Sprintf("it is cut: it says it has %d octets", n)
		} else {
			value = value[:n]
		}
		name, v, m := d.tlvMeaning(tag, value)
		if meaning == "" {
			meaning = m
		}
		d.add(name, 4+len(value), v, meaning)
		d.out[len(d.out)-1].TLV = true
	}
}

// tlvMeaning names an optional parameter, writes its value, and says what it means.
func (d *dissector) tlvMeaning(tag uint16, value []byte) (name, v, meaning string) {
	name, ok := conform.TLVName(tag)
	switch {
	case ok:
	case tag >= 0x1400 && tag <= 0x3FFF: // SMPP 3.4, 5.3.2
		name = fmt.Sprintf("vendor 0x%04X", tag)
	default:
		name = fmt.Sprintf("0x%04X", tag)
	}
	switch tag {
	case wire.TagMessagePayload:
		part, _ := text.ParsePart(d.class, d.coding, value, nil)
		part.Number, part.Total = 1, 1
		meaning, _ = text.Join([]text.Part{part}, d.alphabet)
		return name, hex.EncodeToString(value), meaning
	case wire.TagReceiptedMessageID, 0x001D:
		return name, printable(bytes.TrimRight(value, "\x00")), ""
	case wire.TagMessageState:
		if len(value) == 1 {
			return name, strconv.Itoa(int(value[0])), stateMeaning(value[0])
		}
	case wire.TagNetworkErrorCode:
		if len(value) == 3 && value[0] < '0' {
			return name, hex.EncodeToString(value), fmt.Sprintf("network type %d, error %d", value[0], int(value[1])<<8|int(value[2]))
		}
	}
	switch {
	case len(value) == 1 || len(value) == 2 && tag < 0x1000:
		n := 0
		for _, c := range value {
			n = n<<8 | int(c)
		}
		return name, strconv.Itoa(n), ""
	case len(value) > 0 && printableASCII(value):
		return name, hex.EncodeToString(value), string(value)
	}
	return name, hex.EncodeToString(value), ""
}

func stateMeaning(n byte) string {
	for _, s := range behave.States() {
		if m, _ := s.Code(); m == n {
			return string(s)
		}
	}
	return ""
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
		return string(encodingOf(v, d.alphabet))
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
