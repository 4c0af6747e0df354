package behave

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Rule says what becomes of the messages it matches. The first rule that matches decides; a field left out is
// a good day's.
type Rule struct {
	ID    string `json:"id,omitempty"` // given when left out
	Note  string `json:"note,omitempty"`
	Match Match  `json:"match"`

	Submit  SubmitRule  `json:"submit"`
	Receipt ReceiptRule `json:"receipt"`

	// Count is for how many messages the rule holds; zero: all. What comes then meets the next rule.
	Count int `json:"count,omitempty"`
	// PerMessage counts for each message by itself: the same destination and content sent again is the next
	// try. After Count tries the rule lets one pass, and then starts anew.
	PerMessage bool `json:"perMessage,omitempty"`
	// Share is which share of the messages that match it takes, 0 to 1; left out: all.
	Share *float64 `json:"share,omitempty"`

	Hits uint64 `json:"hits"` // messages it decided; written by the server
}

// Match chooses messages; all that is set has to fit. The zero value matches every message.
type Match struct {
	To          string `json:"to,omitempty"`          // how the destination begins; a leading + counts for nothing
	ToPattern   string `json:"toPattern,omitempty"`   // RE2, anywhere in the destination without +
	From        string `json:"from,omitempty"`        // the sender, whole
	FromPattern string `json:"fromPattern,omitempty"` // RE2, anywhere in the sender
	Account     string `json:"account,omitempty"`     // system_id
	Text        string `json:"text,omitempty"`        // anywhere in the text of the part
	TextPattern string `json:"textPattern,omitempty"` // RE2, anywhere in the text of the part
	Command     string `json:"command,omitempty"`     // submit_sm, data_sm or submit_multi
}

// Close says when a connection is closed.
type Close string

// When a connection is closed.
const (
	CloseBefore Close = "before" // instead of the answer
	CloseAfter  Close = "after"  // behind the answer
)

// SubmitRule is the answer to a submit_sm, data_sm or submit_multi.
type SubmitRule struct {
	Status      *StatusCode `json:"status,omitempty"`
	Delay       *Delay      `json:"delay,omitempty"`
	NoAnswer    bool        `json:"noAnswer,omitempty"`
	Close       Close       `json:"close,omitempty"`
	GenericNack bool        `json:"genericNack,omitempty"` // with Status, ESME_RSYSERR when it is left out; instead of the answer
	Malformed   Malformed   `json:"malformed,omitempty"`
	Fault       Fault       `json:"fault,omitempty"`
	FaultFor    *Delay      `json:"faultFor,omitempty"`  // how long a stall lasts (5s), a partial PDU pauses (50ms)
	MessageID   string      `json:"messageId,omitempty"` // the message id, instead of one of ours
	IDFormat    IDFormat    `json:"idFormat,omitempty"`
}

// ReceiptRule is the receipts to a message. They go out when registered_delivery asks for them, or with
// Always.
type ReceiptRule struct {
	State wire.MessageState `json:"state,omitempty"` // DELIVRD
	// StateText is the stat field instead of State's, as it is: a carrier's own word, or one that is
	// misspelt. No message_state goes with it.
	StateText    string              `json:"stateText,omitempty"`
	Err          string              `json:"err,omitempty"`   // the err field; 000 for a state that is no failure, else 001
	Delay        *Delay              `json:"delay,omitempty"` // from the answer
	None         bool                `json:"none,omitempty"`
	Always       bool                `json:"always,omitempty"`       // also when nobody asked for it, or the message was refused
	Early        bool                `json:"early,omitempty"`        // before the answer
	Copies       int                 `json:"copies,omitempty"`       // how often it is sent; zero: once
	Intermediate []wire.MessageState `json:"intermediate,omitempty"` // sent before it, spread over the delay
	OutOfOrder   bool                `json:"outOfOrder,omitempty"`   // the last state first, the intermediate ones (ENROUTE) behind it
	Format       ReceiptFormat       `json:"format,omitempty"`
	IDFormat     IDFormat            `json:"idFormat,omitempty"` // of the message id in the receipt; left out: as in the answer
	TLVOnly      bool                `json:"tlvOnly,omitempty"`
	DataSM       bool                `json:"dataSm,omitempty"` // in a data_sm
}

// StatusCode is a command_status in JSON: a name such as "ESME_RTHROTTLED" or "RTHROTTLED", or a number.
type StatusCode wire.Status

// Refuse is a command_status for a SubmitRule.
func Refuse(s wire.Status) *StatusCode { return (*StatusCode)(&s) }

// MarshalJSON writes the name.
func (c StatusCode) MarshalJSON() ([]byte, error) { return json.Marshal(wire.Status(c).Name()) }

// UnmarshalJSON reads a name or a number.
func (c *StatusCode) UnmarshalJSON(b []byte) error {
	s, err := wire.ParseStatus(strings.Trim(string(b), `"`))
	*c = StatusCode(s)
	if err != nil {
		if near := Nearest(strings.Trim(string(b), `"`), wire.StatusNames()); near != "" {
			return Wrong("submit.status", "%v; the nearest is %q", err, near)
		}
		return Wrong("submit.status", "%v", err)
	}
	return nil
}

const (
	maxRules    = 1000
	maxCopies   = 100
	maxStates   = 20
	maxIDLength = 64 // SMPP 3.4, 5.2.23
)

// Validate says what is wrong with a rule, as a *FieldError.
func (r Rule) Validate() error {
	_, err := compile(r)
	return err
}

func (r Rule) validate() error {
	switch {
	case r.Count < 0:
		return Wrong("count", "%d is below zero", r.Count)
	case r.PerMessage && r.Count == 0:
		return Wrong("count", "is missing: perMessage says how it counts")
	case r.Share != nil && !(*r.Share >= 0 && *r.Share <= 1):
		return Wrong("share", "%v is not within 0 and 1", *r.Share)
	case len(r.ID) > 64 || strings.ContainsAny(r.ID, "/ \t\n"):
		return Wrong("id", "is longer than 64 characters, or has a slash or a blank")
	}
	if c := r.Match.Command; c != "" && c != "submit_sm" && c != "data_sm" && c != "submit_multi" {
		return oneOf("match.command", c, []string{"submit_sm", "data_sm", "submit_multi"})
	}
	if err := r.Submit.validate(); err != nil {
		return err
	}
	return r.Receipt.validate()
}

func (s SubmitRule) validate() error {
	if err := errors.Join(
		s.Delay.Validate("submit.delay"), s.FaultFor.Validate("submit.faultFor"), s.Malformed.Validate("submit.malformed"),
		s.Fault.Validate("submit.fault"), s.IDFormat.Validate("submit.idFormat"),
	); err != nil {
		return first(err)
	}
	switch {
	case s.Close != "" && s.Close != CloseBefore && s.Close != CloseAfter:
		return oneOf("submit.close", s.Close, []Close{CloseBefore, CloseAfter})
	case len(s.MessageID) > maxIDLength || strings.ContainsRune(s.MessageID, 0):
		return Wrong("submit.messageId", "is longer than %d octets, or has a NUL", maxIDLength)
	}
	ways := 0
	for _, on := range []bool{s.NoAnswer, s.Close == CloseBefore, s.GenericNack, s.Malformed != "", s.Fault != ""} {
		if on {
			ways++
		}
	}
	if ways > 1 {
		return Wrong("submit", "only one of noAnswer, close before, genericNack, malformed and fault can be")
	}
	return nil
}

func (r ReceiptRule) validate() error {
	switch {
	case r.Copies < 0 || r.Copies > maxCopies:
		return Wrong("receipt.copies", "%d is not within 0 and %d", r.Copies, maxCopies)
	case len(r.Intermediate) > maxStates:
		return Wrong("receipt.intermediate", "has more than %d states", maxStates)
	case len(r.Err) > 10 || strings.ContainsRune(r.Err, 0):
		return Wrong("receipt.err", "is longer than 10 characters")
	case len(r.StateText) > 20 || strings.ContainsRune(r.StateText, 0):
		return Wrong("receipt.stateText", "is longer than 20 characters, or has a NUL")
	case r.State != 0 && r.StateText != "":
		return Wrong("receipt.stateText", "goes without state")
	case r.None && (r.Always || r.Early || r.Copies > 0):
		return Wrong("receipt.none", "goes with none of always, early, copies")
	}
	for i, s := range r.Intermediate {
		at := fmt.Sprintf("receipt.intermediate[%d]", i)
		if s == 0 {
			return Wrong(at, "is empty")
		}
		if err := aState(at, s); err != nil {
			return err
		}
	}
	return first(errors.Join(
		aState("receipt.state", r.State), r.Format.Validate("receipt.format"),
		r.IDFormat.Validate("receipt.idFormat"), r.Delay.Validate("receipt.delay"),
	))
}
