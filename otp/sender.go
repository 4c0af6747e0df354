package otp

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	minSender       = 3
	maxSender       = 15
	maxNameSeptets  = 11 // 3GPP TS 23.040, 9.1.2.5: ten octets of an address
	maxShortCode    = 8
	minIntlSender   = 7
	gsmName         = " £$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmNameExtended = "^{}\\[~]|€" // two septets each
)

// ValidSender says whether s, of 3 to 15 characters, can be a sender:
//
//   - digits: a short code of up to 8, else an international number, which does not begin with 0;
//   - "+" and an international number of at least 7 digits;
//   - a name of at most 11 septets of the GSM alphabet (3GPP TS 23.038) that is not only spaces. No "@", whose octet, 0,
//     ends the address field of SMPP, and no line breaks.
func ValidSender(s string) bool {
	if n := utf8.RuneCountInString(s); n < minSender || n > maxSender {
		return false
	}
	number, plus := strings.CutPrefix(s, "+")
	switch {
	case !onlyDigits(number):
		return validName(s)
	case plus:
		return len(number) >= minIntlSender && number[0] != '0'
	}
	return len(number) <= maxShortCode || number[0] != '0'
}

func validName(s string) bool {
	septets := 0
	for _, r := range s {
		switch {
		case strings.ContainsRune(gsmName, r):
			septets++
		case strings.ContainsRune(gsmNameExtended, r):
			septets += 2
		default:
			return false
		}
	}
	return septets <= maxNameSeptets && strings.Trim(s, " ") != ""
}

// sender is who the message comes from: an approved sender as asked for, else the application's own.
func (a *App) sender(asked string) string {
	if slices.Contains(a.Senders, asked) {
		return asked
	}
	return a.From
}
