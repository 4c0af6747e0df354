package link

import "github.com/otpgw/otpgw/smpp/wire"

// Class says what a submit_sm_resp's status means for the message and the link.
type Class int

// The classes.
const (
	Taken         Class = iota // the SMSC has it
	Throttled                  // the whole link slows down, the message stays queued
	Temporary                  // later, and on another link if there is one
	Misconfigured              // no message will pass until an operator acts; the message stays queued
	Permanent                  // this message will never pass
	Delayed                    // this message waits, longer each time; no other is slowed
)

func (c Class) String() string {
	return [...]string{"accepted", "throttled", "temporary", "misconfigured", "permanent", "delayed"}[c]
}

// Classify sorts the statuses of SMPP 3.4, 5.1.3. What it does not know is permanent: retrying a message for an unknown
// reason would send it for as long as its PIN lives.
func Classify(s wire.Status) Class {
	switch s {
	case wire.StatusOK:
		return Taken
	case wire.StatusThrottled:
		return Throttled
	case wire.StatusMsgQFul: // often the queue of one handset
		return Delayed
	case wire.StatusSysErr, wire.StatusTempAppErr, wire.StatusSubmitFail, wire.StatusInvBindSts, wire.StatusAlreadyBound:
		return Temporary
	case wire.StatusBindFail, wire.StatusInvPaswd, wire.StatusInvSysID, wire.StatusInvSerTyp, wire.StatusInvSysTyp:
		return Misconfigured
	default:
		return Permanent
	}
}
