package text

import (
	"fmt"
	"strings"
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

// SenderAddress is how a sender goes into source_addr:
//
//   - "+" and 7 to 15 digits, or 9 to 15 digits without it: an international number, TON 1, NPI 1, digits only;
//   - 1 to 8 digits without "+": a short code, TON 3, NPI 0. No network has longer ones, and the few international
//     numbers that are so short are told apart by the "+";
//   - anything else: a name, TON 5, NPI 0, of at most 11 septets of the GSM alphabet, where []{}\^~|€ take two. addr
//     then holds septets, one an octet, not ASCII. "@" is refused, for it is the octet 0 that ends the field; so are
//     line breaks and a name of only spaces.
//
// The error is ErrSender with what is wrong, in words for whoever set the sender.
func SenderAddress(from string) (ton, npi byte, addr string, err error) {
	number, plus := strings.CutPrefix(from, "+")
	if !digits(number) {
		addr, err = alphanumeric(from)
		return TONAlphanumeric, NPIUnknown, addr, err
	}
	switch {
	case !plus && len(number) <= maxShortCode:
		return TONNetworkSpecific, NPIUnknown, number, nil
	case len(number) < minInternational:
		err = fmt.Errorf("%w: an international number has at least %d digits", ErrSender, minInternational)
	case len(number) > maxInternational:
		err = fmt.Errorf("%w: a number has at most %d digits", ErrSender, maxInternational)
	case number[0] == '0':
		err = fmt.Errorf("%w: an international number begins with its country code, not with 0", ErrSender)
	}
	return TONInternational, NPIISDN, number, err
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func alphanumeric(from string) (string, error) {
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
	return string(appendGSM7(make([]byte, 0, maxAlphanumeric), from, nil)), nil
}

// DestinationAddress is how an E.164 number, with or without its "+", goes into destination_addr.
func DestinationAddress(e164 string) (ton, npi byte, addr string) {
	return TONInternational, NPIISDN, strings.TrimPrefix(e164, "+")
}

// ReadAddress is an address from the wire as people write it: an international number with "+", a name out of its
// septets, all else as it stands. What cannot be read is replaced by U+FFFD.
func ReadAddress(ton byte, addr string) string {
	switch {
	case ton == TONAlphanumeric:
		name, _ := Decode(0, []byte(addr), AlphabetGSM7)
		return name
	case ton == TONInternational && digits(addr):
		return "+" + addr
	}
	return strings.ToValidUTF8(addr, "\uFFFD")
}
