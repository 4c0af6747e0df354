// Package wire is the byte level of SMPP 3.4: frames read from a connection, typed PDUs, and back.
//
// Bytes come in through [ReadFrame], which checks the length and never reads past it, and become a typed PDU through
// one of the Decode functions; a typed PDU becomes bytes through its Encode method.
//
// Two codecs are at work. The fields of the binds and of data_sm are github.com/fiorix/go-smpp's (package pdufield).
// submit_sm, deliver_sm, their responses and enquire_link, of which every OTP takes several, are written and read by code
// of our own: by go-smpp's map of fields a submit_sm takes 42 allocations to encode and 34 to decode, which was a large
// part of the CPU of a whole OTP; here it is one, and two or three. It stays the judge: tests and a differential fuzz target hold
// both codecs to the same octets, the same fields and the same refusals. go-smpp's frame reader, TLV reader and
// sequence counter are not used: the first refuses PDUs over 4 KiB, the second refuses a PDU whose last TLV is cut, the
// third renumbers a response to sequence 0.
//
// Decoding is tolerant where real SMSCs are sloppy (a message_id without its NUL, a TLV longer than the PDU, a stray
// NUL behind short_message) and an error where the meaning would be a guess. Encoding is strict.
// The package knows no session and no connection.
package wire
