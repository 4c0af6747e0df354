package otp

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	minSender = 3
	maxSender = 15
)

// SenderRule says why no message can come from a sender, in words that follow the sender itself: "is only
// spaces". Empty when one can. What a sender may be is a rule of the network, which this package does not
// know; the gateway gives it smpp/text's. Nil takes every sender.
type SenderRule func(sender string) string

// Problem says why a sender can be none here, in the rule's kind of words: first the API's bounds, 3 to 15
// characters, then the rule.
func (rule SenderRule) Problem(sender string) string {
	// As it is sent: macOS writes "é" as an "e" and an accent that follows it.
	n := utf8.RuneCountInString(norm.NFC.String(sender))
	switch {
	case n < minSender || n > maxSender:
		return fmt.Sprintf("is not %d to %d characters long", minSender, maxSender)
	case rule == nil:
		return ""
	}
	return rule(sender)
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
