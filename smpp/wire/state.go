package wire

import (
	"fmt"
	"slices"
	"strconv"
)

// MessageState is what has become of a message (SMPP 3.4, 5.2.28), numbered as message_state is on the wire.
// The zero value is none at all.
type MessageState uint8

// The states.
const (
	Enroute       MessageState = 1
	Delivered     MessageState = 2
	Expired       MessageState = 3
	Deleted       MessageState = 4
	Undeliverable MessageState = 5
	Accepted      MessageState = 6
	Unknown       MessageState = 7
	Rejected      MessageState = 8
	Skipped       MessageState = 9  // of SMPP 5.0, 4.7.15
	Scheduled     MessageState = 10 // the same; 0 on the wire
)

var stateNames = [...]string{"NONE", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD",
	"SKIPPED", "SCHEDULED"}

// String gives the word of receipts (SMPP 3.4, Appendix B).
func (s MessageState) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "STATE(" + strconv.Itoa(int(s)) + ")"
}

// ParseState is the state of a word of receipts, as String writes it; false for a word of none.
func ParseState(word string) (MessageState, bool) {
	i := slices.Index(stateNames[:], word)
	if i <= 0 {
		return 0, false
	}
	return MessageState(i), true
}

// MarshalText writes the word; none is empty.
func (s MessageState) MarshalText() ([]byte, error) {
	if s == 0 {
		return nil, nil
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads what MarshalText writes. Another word is an *UnknownStateError.
func (s *MessageState) UnmarshalText(text []byte) error {
	state, ok := ParseState(string(text))
	if !ok && len(text) > 0 {
		return &UnknownStateError{Word: string(text)}
	}
	*s = state
	return nil
}

// UnknownStateError is of a word that names no state.
type UnknownStateError struct{ Word string }

func (e *UnknownStateError) Error() string {
	return fmt.Sprintf("smpp: %q is no state of a message", e.Word)
}

// Failed says whether a message in the state does not arrive. One that is on its way, or that has no state,
// has not failed.
func (s MessageState) Failed() bool {
	switch s {
	case 0, Delivered, Enroute, Accepted:
		return false
	}
	return true
}
