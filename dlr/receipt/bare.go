package receipt

import (
	"strings"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Some SMSCs write no key before the state ("id:77 sub:001 DELIVRD"), and some write no key at all ("77
// DELIVRD"). What they write is one of these words: those of SMPP 3.4, Appendix B, and the same spelled in
// full. Words that people write as well (sent, failed) are not among them.
var bareWords = map[string]wire.MessageState{
	"DELIVRD": wire.Delivered, "DELIVERED": wire.Delivered,
	"UNDELIV": wire.Undeliverable, "UNDELIVERED": wire.Undeliverable, "UNDELIVERABLE": wire.Undeliverable, "UNDELIVRD": wire.Undeliverable,
	"EXPIRED": wire.Expired, "DELETED": wire.Deleted,
	"REJECTD": wire.Rejected, "REJECTED": wire.Rejected,
	"ACCEPTD": wire.Accepted, "ACCEPTED": wire.Accepted, "ENROUTE": wire.Enroute, "BUFFRED": wire.Enroute, "BUFFERED": wire.Enroute,
	"UNKNOWN": wire.Unknown, "SKIPPED": wire.Skipped,
}

// negations turn a delivery that is named after them into none.
var negations = map[string]bool{"NOT": true, "NEVER": true, "UN": true, "NON": true}

// words are what stands between blanks and marks, in upper case.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToUpper(s), mark)
}

// bareState is the first state that stands in a text without a key.
func bareState(s string) wire.MessageState {
	negated := false
	for _, w := range words(s) {
		state, ok := bareWords[strings.Trim(w, ".!()[]-")]
		switch {
		case ok && state == wire.Delivered && negated:
			return wire.Undeliverable
		case ok:
			return state
		case negations[w]:
			negated = true
		}
	}
	return 0
}

// bareID is the id in a text without any key: the first word or the second, where the other is the state.
// Anywhere else it might be the PIN of a message that the text repeats.
func bareID(s string) string {
	list := strings.FieldsFunc(s, mark)
	if len(list) < 2 {
		return ""
	}
	for i, w := range list[:2] {
		if _, state := bareWords[strings.ToUpper(list[1-i])]; state && strings.ContainsAny(w, "0123456789") {
			return w
		}
	}
	return ""
}
