package receipt

import "strings"

// Some SMSCs write no key before the state ("id:77 sub:001 DELIVRD"), and some write no key at all ("77 DELIVRD"). What they
// write is one of these words: those of SMPP 3.4, Appendix B, and the same spelled in full. Words that people write as well
// (sent, failed) are not among them.
var bareWords = map[string]State{
	"DELIVRD": Delivered, "DELIVERED": Delivered,
	"UNDELIV": Undeliverable, "UNDELIVERED": Undeliverable, "UNDELIVERABLE": Undeliverable, "UNDELIVRD": Undeliverable,
	"EXPIRED": Expired, "DELETED": Deleted,
	"REJECTD": Rejected, "REJECTED": Rejected,
	"ACCEPTD": Accepted, "ACCEPTED": Accepted, "ENROUTE": Enroute, "BUFFRED": Enroute, "BUFFERED": Enroute,
	"UNKNOWN": Unknown, "SKIPPED": Skipped,
}

// negations turn a delivery that is named after them into none.
var negations = map[string]bool{"NOT": true, "NEVER": true, "UN": true, "NON": true}

// words are what stands between blanks and marks, in upper case.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToUpper(s), mark)
}

// bareState is the first state that stands in a text without a key.
func bareState(s string) State {
	negated := false
	for _, w := range words(s) {
		state, ok := bareWords[strings.Trim(w, ".!()[]-")]
		switch {
		case ok && state == Delivered && negated:
			return Undeliverable
		case ok:
			return state
		case negations[w]:
			negated = true
		}
	}
	return 0
}

// bareID is the id in a text without any key: the first word or the second, where the other is the state. Anywhere else it
// might be the PIN of a message that the text repeats.
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
