// Package dlr ties what carriers say of messages to OTPs: which message an SMSC's message id stands for, and
// what became of it. Receipts are read by dlr/receipt, callbacks are sent by dlr/callback; this package is
// what lies between.
//
//	submit_sm without a response -> Tracker.Unanswered -> Index.Await: its receipts are found by number, sender and time
//	submit_sm_resp -> Tracker.Accepted -> Index (KV_receipt: link and message id -> OTP, part)
//	               -> Tracker.Refused  -> Reports: REJECTED
//	deliver_sm     -> Tracker.Receipt  -> parse, Index.Find -> Reports: folded into the record of the OTP
//	                                   -> no match yet: PARKED -> RunParked: again, later -> given up: dead letter
//	                                   -> one part of several: PARKED -> no other's receipt came: it stands for all
//
// Decisions. Receipt returns nil only when what the receipt says is stored: in the record, on PARKED, or as a
// dead letter; with an error the link asks the SMSC to send it again. Receipts are idempotent, for Reports
// is: a duplicate, or a crash between two steps, changes nothing. What is parked or dead-lettered is what was
// parsed, never the text: it may hold the PIN. When a receipt is of is when we received it: the clock of an
// SMSC is in a zone that it does not tell. For how long it has waited is the sum of its pauses, by the
// store's clock alone. A record that is not there is asked for again for a while. What a hostile SMSC sends
// takes its link's share of the dead letters, and a line a minute in the log.
package dlr
