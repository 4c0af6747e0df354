package otp

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/otpgw/otpgw/otp/internal/typed"
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
func ValidSender(s string) bool { return SenderProblem(s) == "" }

// SenderProblem says why s can be no sender, in words that follow the sender itself: "is not 3 to 15
// characters long". Empty when it can.
func SenderProblem(s string) string {
	s = norm.NFC.String(s) // as it is sent: macOS writes "é" as an "e" and an accent that follows it
	number, plus := strings.CutPrefix(s, "+")
	n := utf8.RuneCountInString(s)
	switch {
	case n < minSender || n > maxSender:
		return "is not 3 to 15 characters long"
	case !typed.Digits(number):
		return nameProblem(s)
	case plus && len(number) < minIntlSender:
		return "is too short for an international number; a short code is written without +"
	case number[0] == '0' && (plus || n > maxShortCode):
		return "is no international number: it begins with 0, where a country code should be"
	}
	return ""
}

// nameProblem judges an alphanumeric sender.
func nameProblem(name string) string {
	septets := 0
	for _, r := range name {
		switch {
		case strings.ContainsRune(gsmName, r):
			septets++
		case strings.ContainsRune(gsmNameExtended, r):
			septets += 2
		default:
			return "has a character that no sender can hold; use letters, digits and spaces"
		}
	}
	switch {
	case septets > maxNameSeptets:
		return "is longer than 11 characters; only a sender of digits may have 15"
	case strings.Trim(name, " ") == "":
		return "is only spaces"
	}
	return ""
}

// sender is who the message to a country comes from: a sender as asked for that is approved there, else the
// application's own for that country.
func (a *App) sender(asked, country string) string {
	approved, own := a.Senders, a.From
	if there := a.SendersIn[country]; len(there) > 0 {
		approved, own = there, there[0]
	}
	if slices.Contains(approved, asked) {
		return asked
	}
	return own
}

// SenderIn is who a message to a country comes from when the request names nobody.
func (a *App) SenderIn(country string) string { return a.sender(a.From, country) }

// AllSenders are those for any country and those for single ones, each once.
func (a *App) AllSenders() []string {
	all := slices.Clone(a.Senders)
	for _, country := range slices.Sorted(maps.Keys(a.SendersIn)) {
		for _, sender := range a.SendersIn[country] {
			if !slices.Contains(all, sender) {
				all = append(all, sender)
			}
		}
	}
	return all
}
