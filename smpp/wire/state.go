package wire

import "strconv"

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
