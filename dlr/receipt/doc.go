// Package receipt reads the delivery receipts of SMSCs.
//
// A receipt is text after Appendix B of SMPP 3.4 (`id:... stat:... err:... text:...`), TLVs (SMPP 3.4,
// 5.3.2), or both. The appendix is an example, not a rule, and every vendor has a form of its own: Parse
// takes all it can find and refuses only what has no message id or no state. TLVs are typed and so win over
// text.
//
// The text field repeats the start of the short message, and so may hold the PIN. Parse never returns it, and
// Redact gives what may be kept of a receipt that Parse refuses.
//
// Data flows one way: octets of a deliver_sm or data_sm in, a Receipt out. The package keeps no state.
package receipt

import "github.com/otpgw/otpgw/smpp/wire"

// Receipt is what an SMSC said of one message.
type Receipt struct {
	ID        string // message id as the receipt writes it, without NULs and blanks around it; never empty
	OtherID   string // that of the text, where the TLV has another one: either may be the one of the response
	State     wire.MessageState
	ErrorCode *int // nil when the receipt has none; its meaning is the carrier's
}
