package text

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// The types of number and numbering plans used here (SMPP 3.4, 5.2.5 and 5.2.6).
const (
	TONInternational   byte = 1
	TONNetworkSpecific byte = 3
	TONAlphanumeric    byte = 5
	NPIUnknown         byte = 0
	NPIISDN            byte = 1
)

const (
	maxAlphanumeric  = 11 // septets: the address field has ten octets for them (3GPP TS 23.040, 9.1.2.5)
	maxShortCode     = 8
	minInternational = 7 // the shortest numbers with their country code
	maxInternational = 15
)

// SenderKind is what a sender is: networks and carriers treat the three apart.
type SenderKind string

// The kinds of sender.
const (
	SenderNumber SenderKind = "number" // an international number
	SenderShort  SenderKind = "short"  // a short code
	SenderName   SenderKind = "name"   // letters
)

// Sender is a sender as it goes into source_addr_ton, source_addr_npi and source_addr.
type Sender struct {
	Kind     SenderKind
	TON, NPI byte
	Addr     string // octets
}

// SenderAddress is how a sender goes into a PDU:
//
//   - "+" and 7 to 15 digits, or 9 to 15 digits without it: an international number, TON 1, NPI 1, digits only;
//   - 1 to 8 digits without "+": a short code, TON 3, NPI 0. No network has longer ones, and the few international
//     numbers that are so short are told apart by the "+";
//   - anything else: a name, TON 5, NPI 0, of at most 11 septets of the GSM alphabet, where []{}\^~|€ take two. Its octets
//     are those of the link's alphabet a: "_" is 0x5F in ASCII and Latin-1, and the septet 0x11 in both gsm7 ones, which are
//     not packed here. "@" is refused, for it is the octet 0 that ends the field; so are line breaks and a name of only
//     spaces.
//
// The error is ErrSender with what is wrong, in words for whoever set the sender.
func SenderAddress(from string, a Alphabet) (Sender, error) {
	number, plus := strings.CutPrefix(from, "+")
	if !digits(number) {
		addr, err := alphanumeric(norm.NFC.String(from), a)
		return Sender{SenderName, TONAlphanumeric, NPIUnknown, addr}, err
	}
	var err error
	switch {
	case !plus && len(number) <= maxShortCode:
		return Sender{SenderShort, TONNetworkSpecific, NPIUnknown, number}, nil
	case len(number) < minInternational:
		err = fmt.Errorf("%w: an international number has at least %d digits", ErrSender, minInternational)
	case len(number) > maxInternational:
		err = fmt.Errorf("%w: a number has at most %d digits", ErrSender, maxInternational)
	case number[0] == '0':
		err = fmt.Errorf("%w: an international number begins with its country code, not with 0", ErrSender)
	}
	return Sender{SenderNumber, TONInternational, NPIISDN, number}, err
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// alphanumeric is the octets of a name in an alphabet.
func alphanumeric(from string, a Alphabet) (string, error) {
	c, err := codingOf(a)
	if err != nil {
		return "", err
	}
	if c.kind == kindPacked {
		c = &codingGSM7
	}
	if strings.Trim(from, " ") == "" {
		return "", fmt.Errorf("%w: it is empty", ErrSender)
	}
	if strings.ContainsAny(from, "@\r\n\f") {
		return "", fmt.Errorf("%w: a name holds no @ and no line break", ErrSender)
	}
	septets, ok := codingGSM7.count(from)
	if !ok {
		return "", fmt.Errorf("%w: a name holds only characters of the GSM alphabet", ErrSender)
	}
	if septets > maxAlphanumeric {
		return "", fmt.Errorf("%w: a name has at most %d characters", ErrSender, maxAlphanumeric)
	}
	if _, ok := c.count(from); !ok {
		return "", fmt.Errorf("%w: the name has a character that the alphabet %q lacks", ErrSender, a)
	}
	return string(c.append(make([]byte, 0, maxAlphanumeric), from, 0)), nil
}

// DestinationAddress is how an E.164 number, with or without its "+", goes into destination_addr.
func DestinationAddress(e164 string) (ton, npi byte, addr string) {
	return TONInternational, NPIISDN, strings.TrimPrefix(e164, "+")
}

// ReadAddress is an address from the wire as people write it: a name out of the octets of the link's
// alphabet, a number as it stands. What cannot be read is replaced by U+FFFD.
func ReadAddress(ton byte, addr string, a Alphabet) string {
	if ton != TONAlphanumeric && strings.Trim(addr, "+*#0123456789") == "" {
		return addr
	}
	if a == AlphabetGSM7Packed {
		a = AlphabetGSM7
	}
	name, _ := Decode(0, []byte(addr), a)
	return name
}
