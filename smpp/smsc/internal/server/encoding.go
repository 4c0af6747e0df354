package server

import "github.com/otpgw/otpgw/smpp/text"

// Encodings of messages that we never send ourselves.
const (
	cyrillic   text.Encoding = "ISO-8859-5"
	hebrew     text.Encoding = "ISO-8859-8"
	binaryData text.Encoding = "BINARY"
	other      text.Encoding = "OTHER"
)

// encodingOf names what data_coding says (SMPP 3.4, 5.2.19; from 16 on 3GPP TS 23.038, 4), as package text decodes it.
func encodingOf(dataCoding byte, a text.Alphabet) text.Encoding {
	switch group := dataCoding >> 4; {
	case dataCoding < 0x10:
		return smppEncoding(dataCoding, a)
	case group < 8:
		switch dataCoding & 0x2C {
		case 0x00:
			return text.GSM7
		case 0x08:
			return text.UCS2
		case 0x04:
			return binaryData
		}
		return other
	case group == 0xE:
		return text.UCS2
	case group == 0xF && dataCoding&0x04 != 0:
		return binaryData
	}
	return text.GSM7
}

func smppEncoding(dataCoding byte, a text.Alphabet) text.Encoding {
	switch dataCoding {
	case 0:
		switch a {
		case text.AlphabetLatin1:
			return text.Latin1
		case text.AlphabetASCII:
			return text.ASCII
		}
		return text.GSM7
	case 1:
		return text.ASCII
	case 2, 4:
		return binaryData
	case 3:
		return text.Latin1
	case 6:
		return cyrillic
	case 7:
		return hebrew
	case 8:
		return text.UCS2
	}
	return other
}
