package receipt

import (
	"strconv"
	"strings"

	"github.com/otpgw/otpgw/smpp/wire"
)

// stateWords maps the start of a word to its state: that takes the words of the appendix, the same cut by a
// letter, and those spelled in full. The longest start that fits decides.
var stateWords = []struct {
	start string
	state wire.MessageState
}{
	{"DELIV", wire.Delivered}, {"DLVRD", wire.Delivered},
	{"UNDEL", wire.Undeliverable}, {"NOTDELIV", wire.Undeliverable}, {"FAIL", wire.Undeliverable}, {"DELIVERYFAIL", wire.Undeliverable},
	{"EXPIR", wire.Expired},
	{"DELET", wire.Deleted},
	{"REJ", wire.Rejected},
	{"ACCEP", wire.Accepted}, {"ACK", wire.Accepted},
	{"ENROU", wire.Enroute}, {"BUFF", wire.Enroute}, {"SENT", wire.Enroute}, {"QUEUED", wire.Enroute}, {"PENDING", wire.Enroute},
	{"UNKN", wire.Unknown},
	{"SKIP", wire.Skipped},
	{"SCHED", wire.Scheduled},
}

// parseState reads the value of stat: a word in any case, or the number of a message_state.
func parseState(token string) wire.MessageState {
	if token == "" {
		return 0
	}
	if token[0] <= '9' { // else it is a word, for which ParseUint would make an error
		if n, err := strconv.ParseUint(token, 10, 8); err == nil {
			return wireState(uint8(n))
		}
	}
	word := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' {
			return -1
		}
		return r
	}, strings.ToUpper(token))
	best, state := 0, wire.MessageState(0)
	for _, w := range stateWords {
		if len(w.start) > best && strings.HasPrefix(word, w.start) {
			best, state = len(w.start), w.state
		}
	}
	return state
}

// wireState maps a message_state octet; 0 for one that no version of SMPP has.
func wireState(n uint8) wire.MessageState {
	switch {
	case n == 0:
		return wire.Scheduled
	case n <= uint8(wire.Skipped):
		return wire.MessageState(n)
	}
	return 0
}
