package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/otpgw/otpgw/smpp/link"
)

// tlvValueMax bounds one value, so that no number of parts grows a PDU beyond what an SMSC takes.
const tlvValueMax = 255

// ownTLVs are the parameters that the gateway itself puts on a submit_sm (SMPP 3.4, 5.3.2.22 to 5.3.2.32).
var ownTLVs = []uint16{0x020C, 0x020E, 0x020F, 0x0424}

// tlvs reads the optional parameters of a link or an application.
func (v *value) tlvs() []link.TLV {
	tlvs, err := parseTLVs(v.text)
	if err != nil {
		v.fault(`%v; write tag=hex or tag="text", like 0x1400="text",0x1401=6869`, err)
	}
	v.text = formatTLVs(tlvs)
	return tlvs
}

// tlvMap is the form in which a message carries them.
func tlvMap(tlvs []link.TLV) map[uint16][]byte {
	if len(tlvs) == 0 {
		return nil
	}
	m := make(map[uint16][]byte, len(tlvs))
	for _, t := range tlvs {
		m[t.Tag] = t.Value
	}
	return m
}

// parseTLVs reads `tag=hex` and `tag="text"`, comma-separated. In a text, \" is a quote and \\ a backslash.
// A tag is decimal, or hexadecimal with 0x. Its errors say the place, in elements.
func parseTLVs(text string) ([]link.TLV, error) {
	var tlvs []link.TLV
	rest := strings.TrimSpace(text)
	for place := 1; rest != ""; place++ {
		tag, after, err := tlvTag(rest)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", place, err)
		}
		if slices.ContainsFunc(tlvs, func(t link.TLV) bool { return t.Tag == tag }) {
			return nil, fmt.Errorf("element %d: the tag 0x%04X is there twice", place, tag)
		}
		value, after, err := tlvValue(strings.TrimLeft(after, " \t"))
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", place, err)
		}
		tlvs = append(tlvs, link.TLV{Tag: tag, Value: value})
		rest = strings.TrimSpace(after)
		if rest == "" {
			break
		}
		next, comma := strings.CutPrefix(rest, ",")
		rest = strings.TrimSpace(next)
		if !comma || rest == "" {
			return nil, fmt.Errorf("after element %d there should be a comma and another element, or nothing", place)
		}
	}
	return tlvs, nil
}

func tlvTag(text string) (tag uint16, rest string, err error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok {
		return 0, "", errors.New("there is no =")
	}
	name = strings.ToLower(strings.TrimSpace(name))
	base := 10
	if digits, isHex := strings.CutPrefix(name, "0x"); isHex {
		name, base = digits, 16
	}
	n, err := strconv.ParseUint(name, base, 16)
	if err != nil || n == 0 {
		return 0, "", errors.New("the tag is not a number from 0x0001 to 0xFFFF")
	}
	if slices.Contains(ownTLVs, uint16(n)) {
		return 0, "", fmt.Errorf("the tag 0x%04X is set by the gateway itself", n)
	}
	return uint16(n), rest, nil
}

// tlvValue reads one value and returns what comes behind it.
func tlvValue(text string) (value []byte, rest string, err error) {
	if quoted, ok := strings.CutPrefix(text, `"`); ok {
		value, rest, err = tlvText(quoted)
	} else {
		digits := text
		if i := strings.IndexByte(text, ','); i >= 0 {
			digits, rest = text[:i], text[i:]
		}
		value, err = hex.DecodeString(strings.TrimSpace(digits))
		if err != nil || len(value) == 0 {
			return nil, "", errors.New(`the value is neither pairs of hex digits nor "text"`)
		}
	}
	if len(value) > tlvValueMax {
		return nil, "", fmt.Errorf("the value is longer than %d octets", tlvValueMax)
	}
	return value, rest, err
}

// tlvText reads the text behind an opening quote. Text is printable ASCII, so that what is printed can
// be read back; anything else is for hex.
func tlvText(text string) (value []byte, rest string, err error) {
	value = []byte{}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			return value, text[i+1:], nil
		case c < 0x20 || c > 0x7E:
			return nil, "", errors.New("the text has a character outside printable ASCII; give the value in hex")
		case c == '\\':
			i++
			if i == len(text) || text[i] != '"' && text[i] != '\\' {
				return nil, "", errors.New(`in a text, a backslash stands before " or \ only`)
			}
			c = text[i]
		}
		value = append(value, c)
	}
	return nil, "", errors.New("the closing quote is missing")
}

// formatTLVs is the inverse of parseTLVs, in one form for each value.
func formatTLVs(tlvs []link.TLV) string {
	elements := make([]string, len(tlvs))
	for i, t := range tlvs {
		if printableASCII(string(t.Value)) {
			elements[i] = fmt.Sprintf(`0x%04X="%s"`, t.Tag, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(t.Value)))
		} else {
			elements[i] = fmt.Sprintf("0x%04X=%x", t.Tag, t.Value)
		}
	}
	return strings.Join(elements, ",")
}
