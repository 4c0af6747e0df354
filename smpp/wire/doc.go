// Package wire is the byte level of SMPP 3.4: frames read from a connection, typed PDUs, and back.
//
// Bytes come in through [ReadFrame], which checks the length and never reads past it, and become a typed PDU
// through one of the Decode functions; a typed PDU becomes bytes through its Encode method.
//
// What is where in a PDU is known once: layout.go has a row for each command with its mandatory fields,
// parameter.go one for each optional parameter. The typed PDUs are written and read by the layout (codec.go);
// who shows a PDU, checks it or hides what is secret in it goes over its [Spans], which follow the layout
// too.
//
// submit_sm and deliver_sm, of which every OTP takes several, have code of their own (shortmessage.go), eight
// times as fast: one allocation to write, two or three to read. The layout judges it, and so does
// github.com/fiorix/go-smpp: tests and a differential fuzz target hold the three to the same octets, the same
// fields and the same refusals.
//
// Decoding is tolerant where real SMSCs are sloppy (a message_id without its NUL, a TLV longer than the PDU,
// a stray NUL behind short_message) and an error where the meaning would be a guess. Encoding is strict. The
// package knows no session and no connection.
package wire
