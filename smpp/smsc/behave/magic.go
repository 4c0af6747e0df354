package behave

import (
	"math/rand/v2"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// MagicNumber is a number that chooses its own outcome by its last four digits.
type MagicNumber struct {
	Digits string `json:"digits"`
	What   string `json:"what"`
	Rule   Rule   `json:"rule"`
}

// magicDigits is how many digits choose.
const magicDigits = 4

// MinNumber is how many digits a number has at least. A shorter one is a short code, which chooses no
// outcome.
const MinNumber = 7

// Magic lists the numbers that choose their own outcome, whenever no rule and no Config.OnSubmit does: 49170
// 000 9001, and any other of seven digits or more that ends so. Config.NoMagic turns them off.
func Magic() []MagicNumber {
	state := func(s wire.MessageState, code string) ReceiptRule { return ReceiptRule{State: s, Err: code} }
	receipt := func(r ReceiptRule) Rule { return Rule{Receipt: r} }
	submit := func(s SubmitRule) Rule { return Rule{Submit: s} }
	retried := func(s wire.Status) Rule {
		return Rule{Count: 1, PerMessage: true, Submit: SubmitRule{Status: Refuse(s)}}
	}
	return []MagicNumber{
		{"9001", "receipt UNDELIV", receipt(state(wire.Undeliverable, "001"))},
		{"9002", "receipt EXPIRED", receipt(state(wire.Expired, "002"))},
		{"9003", "receipt REJECTD", receipt(state(wire.Rejected, "003"))},
		{"9004", "no receipt", receipt(ReceiptRule{None: true})},
		{"9005", "ESME_RTHROTTLED once, taken when it is sent again", retried(wire.StatusThrottled)},
		{"9006", "ESME_RINVDSTADR", submit(SubmitRule{Status: Refuse(wire.StatusInvDstAdr)})},
		{"9007", "no answer; the message is taken", submit(SubmitRule{NoAnswer: true})},
		{"9008", "connection closed instead of an answer; the message is taken", submit(SubmitRule{Close: CloseBefore})},
		{"9009", "the receipt twice", receipt(ReceiptRule{Copies: 2})},
		{"9010", "the receipt before the answer", receipt(ReceiptRule{Early: true})},
		{"9011", "receipt 10 s late", receipt(ReceiptRule{Delay: After(10 * time.Second)})},
		{"9012", "receipts ENROUTE, ACCEPTD, then DELIVRD", receipt(ReceiptRule{Intermediate: []wire.MessageState{wire.Enroute, wire.Accepted}})},
		{"9013", "DELIVRD, then ENROUTE behind it", receipt(ReceiptRule{OutOfOrder: true})},
		{"9014", "message id hexadecimal in the answer, decimal in the receipt",
			Rule{Submit: SubmitRule{IDFormat: IDHexUpper}, Receipt: ReceiptRule{IDFormat: IDDecimal}}},
		{"9015", "message id decimal in the answer, hexadecimal in the receipt",
			Rule{Submit: SubmitRule{IDFormat: IDDecimal}, Receipt: ReceiptRule{IDFormat: IDHex}}},
		{"9016", "receipt UNKNOWN", receipt(state(wire.Unknown, "016"))},
		{"9017", "receipt DELETED", receipt(state(wire.Deleted, "017"))},
		{"9018", "receipt without text, by TLVs only", receipt(ReceiptRule{TLVOnly: true})},
		{"9019", "receipt in a data_sm", receipt(ReceiptRule{DataSM: true})},
		{"9020", "ESME_RMSGQFUL once, taken when it is sent again", retried(wire.StatusMsgQFul)},
		{"9021", "ESME_RSYSERR once, taken when it is sent again", retried(wire.StatusSysErr)},
		{"9022", "ESME_RSUBMITFAIL", submit(SubmitRule{Status: Refuse(wire.StatusSubmitFail)})},
		{"9023", "answer 2 s late", submit(SubmitRule{Delay: After(2 * time.Second)})},
		{"9024", "generic_nack instead of an answer", submit(SubmitRule{GenericNack: true, Status: Refuse(wire.StatusSysErr)})},
		{"9025", "answer without the NUL behind its message id", submit(SubmitRule{Malformed: NoNUL})},
		{"9026", "answer in two halves", submit(SubmitRule{Fault: FaultPartial})},
		{"9027", "connection reset instead of an answer", submit(SubmitRule{Fault: FaultReset})},
		{"9028", "connection closed behind the answer", submit(SubmitRule{Close: CloseAfter})},
		{"9029", "message id a UUID", submit(SubmitRule{IDFormat: IDUUID})},
		{"9030", "receipt in UCS-2", receipt(ReceiptRule{Format: FormatUCS2})},
	}
}

// Numbers are the magic numbers of a server, with what they counted: the rules by their digits.
type Numbers map[string]*Rules

// NewNumbers makes the magic numbers.
func NewNumbers() Numbers {
	m := make(Numbers)
	for _, n := range Magic() {
		rs := &Rules{}
		n.Rule.ID = n.Digits
		if _, err := rs.Add(n.Rule); err != nil {
			panic("behave: magic number " + n.Digits + ": " + err.Error()) // the table above is wrong
		}
		m[n.Digits] = rs
	}
	return m
}

// magicKey is the part of a number that chooses, empty for none.
func magicKey(to string) string {
	n := Number(to)
	if len(n) < MinNumber || n[len(n)-magicDigits] != '9' {
		return ""
	}
	return n[len(n)-magicDigits:]
}

// Decide finds the rule of the number that a message goes to, and counts it.
func (m Numbers) Decide(in *Submit, dice *rand.Rand) (Rule, bool) {
	rules := m[magicKey(in.To())]
	if rules == nil {
		return Rule{}, false
	}
	return rules.Decide(in, dice)
}

// Reset forgets what was counted.
func (m Numbers) Reset() {
	for _, rules := range m {
		_ = rules.Replace(rules.List()) // they were taken before
	}
}
