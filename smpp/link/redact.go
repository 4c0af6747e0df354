package link

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// maskOctet stands for an octet that a trace does not show.
const maskOctet = '*'

// redact returns a copy of a PDU for the trace. Every length stays; what is replaced is what the layout calls
// secret (the passwords of binds, the text of messages) and all that cannot be read for certain. Of a
// message's user data header the known elements stay, of a receipt its fields but for the text.
func redact(pdu []byte) []byte {
	b := bytes.Clone(pdu)
	if len(b) <= wire.HeaderLen {
		return b
	}
	command, body := wire.Command(binary.BigEndian.Uint32(b[4:])), b[wire.HeaderLen:]
	end, at := certain(command, body), 0
	var esm, coding byte
	for s := range wire.Spans(command, body) {
		if s.To > end {
			break
		}
		mask(body[at:s.From]) // octets that are of no field
		at = s.To
		switch {
		case s.Name == "esm_class":
			esm = byte(s.Uint())
		case s.Name == "data_coding":
			coding = byte(s.Uint())
		case s.Secret == wire.Password:
			mask(s.Value)
		case s.Secret == wire.Text:
			maskText(s.Value, esm, coding)
		}
	}
	mask(body[at:])
	return b
}

// certain is how many octets of a body can be read for certain. Where an octet is missing, or a length lies,
// what is read as one field is another, and may be a secret.
func certain(c wire.Command, body []byte) (end int) {
	password := wire.LayoutOf(c).Holds(wire.Password)
	vendor := -1 // where the optional parameters of vendors begin
	var ton byte
	for s := range wire.Spans(c, body) {
		if strings.HasSuffix(s.Name, "_ton") {
			ton = byte(s.Uint())
		}
		switch ok := plausible(c, s, ton); {
		case ok:
		case s.Secret == wire.Password && len(s.Value) > 0 && !s.Whole: // cut short
			return end
		case password: // what seems to be the system_id may end with it
			return 0
		case vendor >= 0 && s.Name == "":
			return vendor
		default:
			return end
		}
		if end = s.To; s.TLV && s.Name == "" && vendor < 0 {
			vendor = s.From
		}
	}
	switch {
	case end == len(body):
	case password:
		return 0
	case vendor >= 0:
		return vendor
	}
	return end
}

const (
	lastTON        = 6    // SMPP 3.4, 5.2.5
	firstVersion   = 0x30 // of SMPP
	longestPlain   = 64   // octets of a string that is shown; a message_id has as many
	longestName    = 20   // octets of a sender's name, which may be of any alphabet
	longestInteger = 4    // octets of an optional parameter that may have any value
)

// plausible: a field holds what such a field holds; ton is of the address that it may be.
func plausible(c wire.Command, s *wire.Span, ton byte) bool {
	switch {
	case s.TLV:
		return s.Whole && plausibleParameter(s)
	case s.Kind == wire.CString && !s.Whole: // real SMSCs leave out the NUL of an id
		return c&wire.ResponseBit != 0 && plain(s.Value)
	case !s.Whole:
		return false
	case s.Name == "source_addr" || s.Name == "destination_addr":
		return plain(s.Value) || ton == text.TONAlphanumeric && len(s.Value) <= longestName
	case s.Kind == wire.CString:
		return plain(s.Value)
	case s.Name == "interface_version":
		return s.Uint() >= firstVersion
	case s.Entry && strings.HasSuffix(s.Name, "_ton"):
		return s.Uint() <= lastTON
	}
	return true
}

// plausibleParameter knows the parameters of the specification by their sizes, and those of vendors where
// they are short and plain, as the identities are that some countries want.
func plausibleParameter(s *wire.Span) bool {
	p := wire.ParameterOf(s.Tag)
	switch {
	case p == nil:
		return wire.VendorTag(s.Tag) && plain(s.Value)
	case len(s.Value) < p.Min || len(s.Value) > p.Max:
		return false
	}
	return p.Secret != wire.Public || len(s.Value) <= longestInteger || plain(bytes.TrimRight(s.Value, "\x00"))
}

// plain is what a string of a PDU that was read rightly is made of.
func plain(v []byte) bool {
	return len(v) <= longestPlain && !bytes.ContainsFunc(v, func(c rune) bool { return c < ' ' || c > '~' })
}

func mask(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = maskOctet
	for done := 1; done < len(b); done *= 2 {
		copy(b[done:], b[:done])
	}
}

// maskText masks a message but for what an engineer needs of it and no text can hide in.
func maskText(b []byte, esm, coding byte) {
	if esm&wire.ESMClassUDHI != 0 {
		b = b[knownHeader(b):]
	}
	kind := esm & wire.ESMClassTypeMask
	if (kind == wire.ESMClassReceipt || kind == wire.ESMClassIntermediate) && text.EncodingOf(coding, "") != text.UCS2 {
		maskReceipt(b)
		return
	}
	mask(b)
}

// headerElements are the lengths of the elements of a user data header that are shown: the two forms of
// concatenation and the national language tables (3GPP TS 23.040, 9.2.3.24).
var headerElements = map[byte]int{0x00: 3, 0x08: 4, 0x24: 1, 0x25: 1}

// knownHeader is the length of the user data header that b begins with, 0 when it holds anything else.
func knownHeader(b []byte) int {
	if len(b) == 0 || int(b[0]) >= len(b) {
		return 0
	}
	end := 1 + int(b[0])
	for i := 1; i < end; {
		if i+2 > end || headerElements[b[i]] == 0 || int(b[i+1]) != headerElements[b[i]] {
			return 0
		}
		i += 2 + int(b[i+1])
	}
	return end
}

// The fields of a receipt (SMPP 3.4, appendix B). The last of them, text, may hold the message, in some
// receipts with spaces or other fields inside, so nothing behind its name is shown.
var (
	receiptField = regexp.MustCompile(`(?i)\b(id|sub|dlvrd|submit date|done date|stat|err):[0-9a-z_.-]*`)
	receiptTail  = regexp.MustCompile(`(?i)text`)
)

func maskReceipt(b []byte) {
	end := len(b)
	if at := receiptTail.FindIndex(b); at != nil {
		end = at[0]
		mask(b[at[1]:])
	}
	shown := receiptField.FindAllIndex(b[:end], -1)
	shown = slices.Insert(shown, 0, []int{0, 0})
	for i, s := range shown {
		next := end
		if i+1 < len(shown) {
			next = shown[i+1][0]
		}
		for j := s[1]; j < next; j++ {
			if b[j] != ' ' {
				b[j] = maskOctet
			}
		}
	}
}
