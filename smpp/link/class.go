package link

import (
	"maps"
	"slices"

	"github.com/otpgw/otpgw/smpp/wire"
)

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
	OtherLink                  // it speaks of the account or the carrier: another link if there is one, else never
)

func (c Class) String() string {
	return [...]string{"accepted", "throttled", "temporary", "misconfigured", "permanent", "delayed", "other-link"}[c]
}

// classNames are the words of OTPGW_LINK_<NAME>_STATUS_CLASSES.
var classNames = map[string]Class{
	"throttle": Throttled, "delay": Delayed, "retry": Temporary, "other-link": OtherLink, "refuse": Permanent, "stop": Misconfigured,
}

// ParseClass reads a class by its word in the configuration.
func ParseClass(word string) (Class, bool) {
	c, ok := classNames[word]
	return c, ok
}

// ClassNames are the words that ParseClass knows.
func ClassNames() []string { return slices.Sorted(maps.Keys(classNames)) }

// classify sorts a status by the link's own table, where the carrier has one, and else by Classify.
func (c *Config) classify(s wire.Status) Class {
	if class, ok := c.Classes[s]; ok {
		return class
	}
	return Classify(s)
}

// Classify sorts the statuses of SMPP 3.4, 5.1.3. Those of the vendor (0x400 to 0x4FF), ESME_RUNKNOWNERR and
// what it does not know say nothing of the message for certain: no credit, no route, a contract. Another
// carrier is asked once; retrying here for an unknown reason would send the message for as long as its PIN
// lives.
func Classify(s wire.Status) Class {
	switch s {
	case wire.StatusOK:
		return Taken
	case wire.StatusThrottled:
		return Throttled
	case wire.StatusMsgQFul: // often the queue of one handset
		return Delayed
	case wire.StatusSysErr, wire.StatusTempAppErr, wire.StatusSubmitFail, wire.StatusInvBindSts, wire.StatusAlreadyBound, wire.StatusBindFail:
		return Temporary
	case wire.StatusInvPaswd, wire.StatusInvSysID, wire.StatusInvSerTyp, wire.StatusInvSysTyp:
		return Misconfigured
	case wire.StatusUnknownErr:
		return OtherLink
	}
	if s.Known() {
		return Permanent
	}
	return OtherLink
}
