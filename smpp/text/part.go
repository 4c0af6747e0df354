package text

import "github.com/otpgw/otpgw/smpp/wire"

// Part is what one submit_sm carries of a text. The slices of the parts of one Split share memory: read them
// only.
type Part struct {
	DataCoding   byte
	ESMClass     byte      // wire.ESMClassUDHI or 0; or it into the PDU's
	ShortMessage []byte    // header and text; empty when Payload holds them
	TLVs         wire.TLVs // all that go on the PDU for this part, message_payload among them
	Payload      []byte    // the value of message_payload, for the reader: TLVs holds it already

	Ref    uint16 // the reference as sent: under udh8 only its low 8 bits; 0 for a part that stands alone
	Number int    // from 1
	Total  int
}

// MaxParts is the most parts a concatenated message has: the header counts them in one octet.
const MaxParts = 255

// ParsePart makes a Part of what a submit_sm, deliver_sm or data_sm carries: the text from short_message or,
// when that is empty, message_payload; the place in its message from the header or, without one, from the SAR
// TLVs. A part that names no place stands alone: Number and Total are 1. The error is ErrUDH, and the Part
// may be used all the same.
func ParsePart(esmClass, dataCoding byte, shortMessage []byte, tlvs wire.TLVs) (Part, error) {
	p := Part{DataCoding: dataCoding, ESMClass: esmClass & wire.ESMClassUDHI, ShortMessage: shortMessage, TLVs: tlvs}
	var ref, total, number uint16
	for _, t := range tlvs {
		switch t.Tag {
		case wire.TagSarMsgRefNum:
			ref = bigEndian(t.Value)
		case wire.TagSarTotalSegments:
			total = bigEndian(t.Value)
		case wire.TagSarSegmentSeqnum:
			number = bigEndian(t.Value)
		case wire.TagMessagePayload:
			p.Payload = t.Value
		}
	}
	u, _, err := p.header()
	switch {
	case u.Total > 0:
		p.Ref, p.Number, p.Total = u.Ref, u.Number, u.Total
	case number > 0 && number <= total && total <= MaxParts:
		p.Ref, p.Number, p.Total = ref, int(number), int(total)
	default:
		p.Number, p.Total = 1, 1
	}
	return p, err
}

// bigEndian reads the last two octets at most: peers write these TLVs shorter and longer than they should be.
func bigEndian(b []byte) (n uint16) {
	for _, c := range b {
		n = n<<8 | uint16(c)
	}
	return n
}

// header splits what the part carries into its header and its text.
func (p *Part) header() (UDH, []byte, error) {
	body := p.ShortMessage
	if len(body) == 0 {
		body = p.Payload
	}
	if p.ESMClass&wire.ESMClassUDHI == 0 {
		return UDH{}, body, nil
	}
	return ParseUDH(body)
}

// Refer gives the parts of one Split the reference ref, as Split would have: for whoever has to know first
// whether a text has several.
func Refer(parts []Part, ref uint16) {
	for i := range parts {
		p := &parts[i]
		switch {
		case p.Total == 1:
		case p.ESMClass&wire.ESMClassUDHI != 0 && p.ShortMessage[1] == ieConcatenation8:
			p.Ref, p.ShortMessage[3] = ref&0xFF, byte(ref)
		case p.ESMClass&wire.ESMClassUDHI != 0 && p.ShortMessage[1] == ieConcatenation16:
			p.Ref, p.ShortMessage[3], p.ShortMessage[4] = ref, byte(ref>>8), byte(ref)
		default: // sar_msg_ref_num is the first
			p.Ref = ref
			p.TLVs[0].Value[0], p.TLVs[0].Value[1] = byte(ref>>8), byte(ref)
		}
	}
}
