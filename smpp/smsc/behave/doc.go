// Package behave says what a simulated SMSC does with a message: whether it is taken, what is answered and
// how, and which receipts follow. It knows no connection but the one a [Fault] is done to, and keeps no
// message.
//
//	message -> Submit -> Rules.Decide, then Numbers.Decide -> Rule -> Rule.Outcome -> Outcome
//	Outcome.Malformed, .Fault -> the octets of the answer, and how they go over the connection
//	Outcome.ReceiptsFor       -> []Receipt -> ReceiptFormat.Fill -> the PDU of each
//
// A [Rule] is JSON ([ParseRule]); what is wrong with it is a [FieldError] with the field's path. [Magic] is
// the table of numbers that choose their own outcome. Times are drawn from a [Delay] with the generator of
// the caller, so that a run with a seed is repeated exactly.
package behave
