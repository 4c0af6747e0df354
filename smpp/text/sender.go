package text

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"
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

// SenderProblem says why a sender can be none, in words that follow the sender itself: "is only spaces".
// Empty when it can. This is the one place that knows; what an application may ask for follows it too. A
// sender is
//
//   - a short code of 1 to 8 digits without "+". No network has longer ones, and the few international numbers that
//     are so short are told apart by the "+";
//   - an international number of 9 to 15 digits, or of 7 to 15 after a "+", which does not begin with 0;
//   - anything else is a name, of at most 11 septets of the GSM alphabet, where []{}\^~|€ take two, that is not only
//     spaces. "@" is refused, for it is the octet 0 that ends the field of SMPP; so are line breaks.
func SenderProblem(from string) string {
	number, plus := strings.CutPrefix(from, "+")
	switch {
	case !digits(number):
		return nameProblem(norm.NFC.String(from))
	case !plus && len(number) <= maxShortCode:
		return ""
	case len(number) < minInternational:
		return "is too short for an international number; a short code is written without +"
	case len(number) > maxInternational:
		return fmt.Sprintf("is too long for an international number, which has at most %d digits", maxInternational)
	case number[0] == '0':
		return "is no international number: it begins with 0, where a country code should be"
	}
	return ""
}

// nameProblem judges an alphanumeric sender, composed.
func nameProblem(name string) string {
	septets, ok := codingGSM7.count(name)
	switch {
	case name == "":
		return "is empty"
	case !ok || strings.ContainsAny(name, "@\r\n\f"):
		return "has a character that no sender can hold; use letters, digits and spaces"
	case septets > maxAlphanumeric:
		return fmt.Sprintf("is longer than %d characters; only a sender of digits may have %d", maxAlphanumeric, maxInternational)
	case strings.Trim(name, " ") == "":
		return "is only spaces"
	}
	return ""
}

// SenderAddress is how a sender goes into a PDU: an international number with TON 1, NPI 1, digits only; a
// short code with TON 3, NPI 0; a name with TON 5, NPI 0, in the octets of the link's alphabet a: "_" is
// 0x5F in ASCII and Latin-1, and the septet 0x11 in both gsm7 ones, which are not packed here.
//
// The error is ErrSender with what is wrong, in words for whoever set the sender: SenderProblem's, or that
// the alphabet lacks a character.
func SenderAddress(from string, a Alphabet) (Sender, error) {
	number, plus := strings.CutPrefix(from, "+")
	s := Sender{Kind: SenderName, TON: TONAlphanumeric, NPI: NPIUnknown}
	switch {
	case digits(number) && !plus && len(number) <= maxShortCode:
		s = Sender{SenderShort, TONNetworkSpecific, NPIUnknown, number}
	case digits(number):
		s = Sender{SenderNumber, TONInternational, NPIISDN, number}
	}
	if problem := SenderProblem(from); problem != "" {
		return s, fmt.Errorf("%w: it %s", ErrSender, problem)
	}
	if s.Kind != SenderName {
		return s, nil
	}
	var err error
	s.Addr, err = nameOctets(norm.NFC.String(from), a)
	return s, err
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// nameOctets is a name in an alphabet.
func nameOctets(name string, a Alphabet) (string, error) {
	c, err := codingOf(a)
	if err != nil {
		return "", err
	}
	if c.kind == kindPacked {
		c = &codingGSM7
	}
	if _, ok := c.count(name); !ok {
		return "", fmt.Errorf("%w: the name has a character that the alphabet %q lacks", ErrSender, a)
	}
	return string(c.append(make([]byte, 0, maxAlphanumeric), name, 0)), nil
}
