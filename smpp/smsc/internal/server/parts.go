package server

import "github.com/otpgw/otpgw/smpp/text"

// What one SMS holds (3GPP TS 23.040, 9.2.3.24.1): alone, and with the header of a part.
const (
	smsOctets, partOctets   = 140, 134
	smsSeptets, partSeptets = 160, 153
)

// parts is how many SMS a message is: as many as it says it has parts, or as a network makes of a
// message_payload.
func (in *incoming) parts() int {
	if in.Part.Total > 1 || len(in.PDU.ShortMessage) > 0 {
		return in.Part.Total
	}
	n, alone, part := len(in.PDU.Payload()), smsSeptets, partSeptets
	switch text.EncodingOf(in.PDU.DataCoding, in.Alphabet) {
	case text.UCS2, text.Binary, text.Other:
		alone, part = smsOctets, partOctets
	case text.GSM7:
		if in.PDU.DataCoding == 0 && in.Alphabet == text.AlphabetGSM7Packed {
			n = n * 8 / 7
		}
	case text.Cyrillic, text.Hebrew: // a network knows them only as UCS-2
		n, alone, part = 2*n, smsOctets, partOctets
	}
	if n <= alone {
		return 1
	}
	return (n + part - 1) / part
}
