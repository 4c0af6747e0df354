// Package smsc is a simulated SMSC: an SMPP 3.4 server that takes messages, keeps them where a test can read
// them, and sends delivery receipts. The command smscsim is this package with flags; otpgw -demo and the
// tests start it in-process; package smsctest puts it into Go tests.
//
// This package is the door: [Start], and the names of the rooms behind it.
//
//	behave   what becomes of a message: rules, outcomes, magic numbers, receipt and id formats, faults
//	server   binds, submits, the messages kept, the receipts on their way, the PDUs that went over the wire
//	conform  what is done with each field of each PDU of SMPP 3.4, and what is refused, as a table
//	web      the HTTP API, its event stream, openapi.yaml, and the page with the inbox
//
//	a client's PDU -> server -> behave decides -> server answers, keeps, and sends receipts -> web shows it
package smsc
