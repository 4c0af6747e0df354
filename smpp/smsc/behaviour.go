package smsc

import (
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/wire"
)

// What becomes of messages is package behave's; these are its names where users of a Server look for them.
type (
	Rule          = behave.Rule
	Rules         = behave.Rules
	Match         = behave.Match
	SubmitRule    = behave.SubmitRule
	ReceiptRule   = behave.ReceiptRule
	StatusCode    = behave.StatusCode
	Close         = behave.Close
	Delay         = behave.Delay
	DelayKind     = behave.DelayKind
	Outcome       = behave.Outcome
	Receipt       = behave.Receipt
	State         = wire.MessageState
	ReceiptFormat = behave.ReceiptFormat
	IDFormat      = behave.IDFormat
	Malformed     = behave.Malformed
	Fault         = behave.Fault
	MagicNumber   = behave.MagicNumber
	FieldError    = behave.FieldError
)

// When a connection is closed.
const (
	CloseBefore = behave.CloseBefore
	CloseAfter  = behave.CloseAfter
)

// The kinds of delay.
const (
	Fixed       = behave.Fixed
	Uniform     = behave.Uniform
	Normal      = behave.Normal
	Exponential = behave.Exponential
)

// The states of the specification.
const (
	Enroute       = wire.Enroute
	Delivered     = wire.Delivered
	Expired       = wire.Expired
	Deleted       = wire.Deleted
	Undeliverable = wire.Undeliverable
	Accepted      = wire.Accepted
	Unknown       = wire.Unknown
	Rejected      = wire.Rejected
)

// The layouts of receipts.
const (
	FormatStandard    = behave.FormatStandard
	FormatTextOnly    = behave.FormatTextOnly
	FormatTLVOnly     = behave.FormatTLVOnly
	FormatUpper       = behave.FormatUpper
	FormatSpelled     = behave.FormatSpelled
	FormatStateFirst  = behave.FormatStateFirst
	FormatShort       = behave.FormatShort
	FormatNoText      = behave.FormatNoText
	FormatSeconds     = behave.FormatSeconds
	FormatLongDates   = behave.FormatLongDates
	FormatNumeric     = behave.FormatNumeric
	FormatCutState    = behave.FormatCutState
	FormatTrailing    = behave.FormatTrailing
	FormatGarbage     = behave.FormatGarbage
	FormatTwice       = behave.FormatTwice
	FormatUnderscores = behave.FormatUnderscores
	FormatLines       = behave.FormatLines
	FormatHexErr      = behave.FormatHexErr
	FormatNetworkErr  = behave.FormatNetworkErr
	FormatUCS2        = behave.FormatUCS2
	FormatPayload     = behave.FormatPayload
	FormatUDH         = behave.FormatUDH
	FormatCutTLV      = behave.FormatCutTLV
	FormatESMClass0   = behave.FormatESMClass0
	FormatNoNULID     = behave.FormatNoNULID
)

// The formats of message ids.
const (
	IDDecimal   = behave.IDDecimal
	IDPadded    = behave.IDPadded
	IDHex       = behave.IDHex
	IDHexUpper  = behave.IDHexUpper
	IDHexPadded = behave.IDHexPadded
	ID0xHex     = behave.ID0xHex
	IDUUID      = behave.IDUUID
	IDUUIDUpper = behave.IDUUIDUpper
)

// The ways an answer may be wrong.
const (
	NoNUL        = behave.NoNUL
	NoBody       = behave.NoBody
	EmptyID      = behave.EmptyID
	LongID       = behave.LongID
	StrayNUL     = behave.StrayNUL
	CutTLV       = behave.CutTLV
	ErrorBody    = behave.ErrorBody
	WrongNumber  = behave.WrongNumber
	ZeroNumber   = behave.ZeroNumber
	WrongCommand = behave.WrongCommand
	UnknownPDU   = behave.UnknownPDU
	Twice        = behave.Twice
	LengthShort  = behave.LengthShort
	LengthLong   = behave.LengthLong
	LengthZero   = behave.LengthZero
	LengthHuge   = behave.LengthHuge
)

// The faults of a connection.
const (
	FaultPartial  = behave.FaultPartial
	FaultBytewise = behave.FaultBytewise
	FaultCut      = behave.FaultCut
	FaultGarbage  = behave.FaultGarbage
	FaultReset    = behave.FaultReset
	FaultStall    = behave.FaultStall
)

// ParseRule reads one rule from JSON; see [behave.ParseRule].
func ParseRule(b []byte) (Rule, error) { return behave.ParseRule(b) }

// ParseRules reads an array of rules, or an object {"rules": [...]}.
func ParseRules(b []byte) ([]Rule, error) { return behave.ParseRules(b) }

// Refuse is a command_status for a SubmitRule.
func Refuse(s wire.Status) *StatusCode { return behave.Refuse(s) }

// After is a fixed delay.
func After(d time.Duration) *Delay { return behave.After(d) }

// Between is a uniform delay.
func Between(low, high time.Duration) *Delay { return behave.Between(low, high) }

// Magic lists the numbers that choose their own outcome.
func Magic() []MagicNumber { return behave.Magic() }

// ReceiptFormats lists the layouts of receipts.
func ReceiptFormats() []ReceiptFormat { return behave.ReceiptFormats() }

// IDFormats lists the formats of message ids.
func IDFormats() []IDFormat { return behave.IDFormats() }

// MalformedKinds lists the ways an answer may be wrong.
func MalformedKinds() []Malformed { return behave.MalformedKinds() }

// FaultKinds lists the faults of a connection.
func FaultKinds() []Fault { return behave.FaultKinds() }
