// Package cdr writes records for billing and disputes (call detail records, as carriers call theirs): one
// JSON object a line, in files of the operator's directory.
//
//	submit_sm_resp -> Part     one for each part that the carrier took, one for each message that it refused
//	receipt        -> Receipt  one for each receipt that found its message; of a part whose submit_sm_resp
//	                           never came a Part as well, for it says that the carrier took it
//	change         -> End      one for each OTP that ended: verified, expired, cancelled or failed
//
// # Files
//
// A daemon writes into NAME.jsonl.open and gives it its name NAME.jsonl when it is complete: after
// OTPGW_CDR_ROTATE, at 256 MiB, at the end, and when a reload names another directory. What a daemon that was
// killed left open is completed at the next start. So *.jsonl are never written again and may be taken away;
// nothing here deletes them. Each daemon needs a directory of its own.
//
// # Promises
//
// A part's line is written before what it says is stored, so each part of which the carrier's answer or its
// receipt came has a line, even after kill -9; the same part may have two lines then, alike in link and
// messageId. A receipt's line is written before its deliver_sm is answered, or, where it waited for its
// message in the store, before it leaves that. The end of an OTP is written when it is stored, so a kill -9 in
// that moment takes its line.
//
// Lines are in the page cache: what a power failure takes of the last seconds is in the store. A line that
// cannot be written (a full disk) is counted in otpgw_cdr_lost_total and stops no message. One goroutine has
// the files; a disk that takes none for a second hangs, so lines wait in memory, 65,536 of them, and no
// message waits for its line until it is written: a kill -9 takes those.
//
// No line has a PIN or a text. Numbers are as OTPGW_CDR_NUMBERS says: plain, masked, or hashed with the
// store's key, by which one number has one hash in all files.
//
// # Fields
//
// All lines: type (part, receipt, otp), time (RFC 3339, UTC, milliseconds). Fields that are not known are
// left out.
//
//	otpId      of the OTP; left out for a reply to a handset
//	msgId      the gateway's id of the message, the msgId of callbacks
//	app        application
//	link       carrier link
//	route      route of the message
//	from, to   sender, and the number
//	part       its place in the message, from 1; 0 is all of them; parts is how many there are
//	messageId  the carrier's id of the part; of a receipt, as the receipt has it
//	status     part: accepted or refused; otp: VERIFIED, EXPIRED, CANCELLED, FAILED
//	code       part: command_status of the refusal; receipt: the carrier's error code
//	state      receipt: DELIVRD, UNDELIV, ... (SMPP 3.4, Appendix B)
//	price      part: what the price list says of it
//	latency    part: milliseconds from the request to the carrier's answer; receipt: from that answer
//	trackId, country, created, attempts, resends, cost, delivery    otp: as the API shows them
package cdr
