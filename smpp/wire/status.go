package wire

import "fmt"

// Status is a command_status (SMPP 3.4, 5.1.3).
type Status uint32

// The statuses this project gives or acts on.
const (
	StatusOK           Status = 0x00
	StatusInvMsgLen    Status = 0x01
	StatusInvCmdLen    Status = 0x02
	StatusInvCmdID     Status = 0x03
	StatusInvBindSts   Status = 0x04
	StatusAlreadyBound Status = 0x05
	StatusSysErr       Status = 0x08
	StatusInvSrcAdr    Status = 0x0A
	StatusInvDstAdr    Status = 0x0B
	StatusInvMsgID     Status = 0x0C
	StatusBindFail     Status = 0x0D
	StatusInvPaswd     Status = 0x0E
	StatusInvSysID     Status = 0x0F
	StatusMsgQFul      Status = 0x14
	StatusInvSerTyp    Status = 0x15
	StatusSubmitFail   Status = 0x45
	StatusInvSysTyp    Status = 0x53
	StatusThrottled    Status = 0x58
	StatusTempAppErr   Status = 0x64
	StatusPermAppErr   Status = 0x65
	StatusUnknownErr   Status = 0xFF
)

var statusNames = map[Status]string{
	0x00: "ESME_ROK", 0x01: "ESME_RINVMSGLEN", 0x02: "ESME_RINVCMDLEN", 0x03: "ESME_RINVCMDID",
	0x04: "ESME_RINVBNDSTS", 0x05: "ESME_RALYBND", 0x06: "ESME_RINVPRTFLG", 0x07: "ESME_RINVREGDLVFLG",
	0x08: "ESME_RSYSERR", 0x0A: "ESME_RINVSRCADR", 0x0B: "ESME_RINVDSTADR", 0x0C: "ESME_RINVMSGID",
	0x0D: "ESME_RBINDFAIL", 0x0E: "ESME_RINVPASWD", 0x0F: "ESME_RINVSYSID", 0x11: "ESME_RCANCELFAIL",
	0x13: "ESME_RREPLACEFAIL", 0x14: "ESME_RMSGQFUL", 0x15: "ESME_RINVSERTYP", 0x33: "ESME_RINVNUMDESTS",
	0x34: "ESME_RINVDLNAME", 0x40: "ESME_RINVDESTFLAG", 0x42: "ESME_RINVSUBREP", 0x43: "ESME_RINVESMCLASS",
	0x44: "ESME_RCNTSUBDL", 0x45: "ESME_RSUBMITFAIL", 0x48: "ESME_RINVSRCTON", 0x49: "ESME_RINVSRCNPI",
	0x50: "ESME_RINVDSTTON", 0x51: "ESME_RINVDSTNPI", 0x53: "ESME_RINVSYSTYP", 0x54: "ESME_RINVREPFLAG",
	0x55: "ESME_RINVNUMMSGS", 0x58: "ESME_RTHROTTLED", 0x61: "ESME_RINVSCHED", 0x62: "ESME_RINVEXPIRY",
	0x63: "ESME_RINVDFTMSGID", 0x64: "ESME_RX_T_APPN", 0x65: "ESME_RX_P_APPN", 0x66: "ESME_RX_R_APPN",
	0x67: "ESME_RQUERYFAIL", 0xC0: "ESME_RINVOPTPARSTREAM", 0xC1: "ESME_ROPTPARNOTALLWD",
	0xC2: "ESME_RINVPARLEN", 0xC3: "ESME_RMISSINGOPTPARAM", 0xC4: "ESME_RINVOPTPARAMVAL",
	0xFE: "ESME_RDELIVERYFAILURE", 0xFF: "ESME_RUNKNOWNERR",
}

// Known reports whether the specification has the status.
func (s Status) Known() bool { return statusNames[s] != "" }

// String is the specification's name and the number: "ESME_RTHROTTLED (0x58)".
func (s Status) String() string {
	if text, ok := statusTexts[s]; ok {
		return text
	}
	if s >= 0x400 && s <= 0x4FF {
		return s.text("vendor status")
	}
	return s.text("status")
}

func (s Status) text(name string) string { return fmt.Sprintf("%s (0x%02X)", name, uint32(s)) }

// statusTexts are those of the statuses that have a name: each message asks for some.
var statusTexts = func() map[Status]string {
	texts := make(map[Status]string, len(statusNames))
	for s, name := range statusNames {
		texts[s] = s.text(name)
	}
	return texts
}()

// Error makes a status an error, so that errors.As finds it in a failed request.
func (s Status) Error() string { return s.String() }
