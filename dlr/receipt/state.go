package receipt

import (
	"strconv"
	"strings"
)

// State is a message state, SMPP 3.4, 5.2.28. The zero State is none at all.
type State uint8

// The states, numbered as message_state is on the wire, but Scheduled, which is 0 there (SMPP 5.0, 4.7.15).
const (
	Enroute       State = 1
	Delivered     State = 2
	Expired       State = 3
	Deleted       State = 4
	Undeliverable State = 5
	Accepted      State = 6
	Unknown       State = 7
	Rejected      State = 8
	Skipped       State = 9
	Scheduled     State = 10
)

var stateNames = [...]string{"NONE", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD",
	"SKIPPED", "SCHEDULED"}

// String gives the word of SMPP 3.4, Appendix B.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "STATE(" + strconv.Itoa(int(s)) + ")"
}

// stateWords maps the start of a word to its state: that takes the words of the appendix, the same cut by a letter, and
// those spelled in full. The longest start that fits decides.
var stateWords = []struct {
	start string
	state State
}{
	{"DELIV", Delivered}, {"DLVRD", Delivered},
	{"UNDEL", Undeliverable}, {"NOTDELIV", Undeliverable}, {"FAIL", Undeliverable}, {"DELIVERYFAIL", Undeliverable},
	{"EXPIR", Expired},
	{"DELET", Deleted},
	{"REJ", Rejected},
	{"ACCEP", Accepted}, {"ACK", Accepted},
	{"ENROU", Enroute}, {"BUFF", Enroute}, {"SENT", Enroute}, {"QUEUED", Enroute}, {"PENDING", Enroute},
	{"UNKN", Unknown},
	{"SKIP", Skipped},
	{"SCHED", Scheduled},
}

// parseState reads the value of stat: a word in any case, or the number of a message_state.
func parseState(token string) State {
	if token == "" {
		return 0
	}
	if n, err := strconv.ParseUint(token, 10, 8); err == nil {
		return wireState(uint8(n))
	}
	word := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' {
			return -1
		}
		return r
	}, strings.ToUpper(token))
	best, state := 0, State(0)
	for _, w := range stateWords {
		if len(w.start) > best && strings.HasPrefix(word, w.start) {
			best, state = len(w.start), w.state
		}
	}
	return state
}

// wireState maps a message_state octet; 0 for one that no version of SMPP has.
func wireState(n uint8) State {
	switch {
	case n == 0:
		return Scheduled
	case n <= uint8(Skipped):
		return State(n)
	}
	return 0
}
