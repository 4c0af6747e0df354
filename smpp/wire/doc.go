// Package wire is the byte level of SMPP 3.4: frames read from a connection, typed PDUs, and back.
//
// Bytes come in through [ReadFrame], which checks the length and never reads past it, and become a typed PDU through
// one of the Decode functions; a typed PDU becomes bytes through its Encode method. The field encoding is
// github.com/fiorix/go-smpp's (packages pdufield and pdutext); its frame reader, its TLV reader and its sequence
// counter are not used: the first refuses PDUs over 4 KiB, the second refuses a PDU whose last TLV is cut, the third
// renumbers a response to sequence 0.
//
// Decoding is tolerant where real SMSCs are sloppy (a message_id without its NUL, a TLV longer than the PDU, a stray
// NUL behind short_message) and an error where the meaning would be a guess. Encoding is strict.
// The package knows no session and no connection.
package wire
