package text

import "strings"

// The types of number and numbering plans used here (SMPP 3.4, 5.2.5 and 5.2.6).
const (
	TONInternational   byte = 1
	TONNetworkSpecific byte = 3
	TONAlphanumeric    byte = 5
	NPIUnknown         byte = 0
	NPIISDN            byte = 1
)

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
