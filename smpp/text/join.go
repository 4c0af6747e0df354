package text

// ParsePart makes a Part of what a submit_sm, deliver_sm or data_sm carries: the text from short_message or, when that is
// empty, message_payload; the place in its message from the header or, without one, from the SAR TLVs. A part that
// names no place stands alone: Number and Total are 1. The error is ErrUDH, and the Part may be used all the same.
func ParsePart(esmClass, dataCoding byte, shortMessage []byte, tlvs []TLV) (Part, error) {
	p := Part{DataCoding: dataCoding, ESMClass: esmClass & ESMClassUDHI, ShortMessage: shortMessage, TLVs: tlvs}
	var ref, total, number uint16
	for _, t := range tlvs {
		switch t.Tag {
		case TagSARMsgRefNum:
			ref = bigEndian(t.Value)
		case TagSARTotalSegments:
			total = bigEndian(t.Value)
		case TagSARSegmentSeqnum:
			number = bigEndian(t.Value)
		case TagMessagePayload:
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
	if p.ESMClass&ESMClassUDHI == 0 {
		return UDH{}, body, nil
	}
	return ParseUDH(body)
}

// Join puts a message together from its parts, in any order; a part that came twice counts once. Parts are joined
// before they are decoded, so a pair that the sender split between two parts is whole again. Errors: ErrMixed and
// ErrIncomplete, with no text; ErrUDH, ErrLanguage and those of Decode, with the best that could be read.
func Join(parts []Part, a Alphabet) (string, error) {
	if len(parts) == 1 && parts[0].Total <= 1 {
		return joinOrdered(parts, []int{0}, a)
	}
	if len(parts) == 0 {
		return "", ErrIncomplete
	}
	ref, total := parts[0].Ref, parts[0].Total
	if total < 1 || total > MaxParts {
		return "", ErrMixed
	}
	order := make([]int, total) // index in parts, plus one
	seen := 0
	for i := range parts {
		p := &parts[i]
		if p.Ref != ref || p.Total != total || p.Number < 1 || p.Number > total {
			return "", ErrMixed
		}
		if order[p.Number-1] == 0 {
			order[p.Number-1] = i + 1
			seen++
		}
	}
	if seen < total {
		return "", ErrIncomplete
	}
	for i := range order {
		order[i]--
	}
	return joinOrdered(parts, order, a)
}

// joinOrdered decodes runs of parts in one script and national table, since senders may choose them part by part.
func joinOrdered(parts []Part, order []int, a Alphabet) (string, error) {
	var (
		text  string
		run   []byte
		last  script
		table *shift // of the run
		first error
	)
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	flush := func() {
		s, err := last.decode(run, table)
		note(err)
		text, run = text+s, run[:0]
	}
	for n, i := range order {
		p := &parts[i]
		u, body, err := p.header()
		note(err)
		sc := scriptOf(p.DataCoding, a)
		var own *shift
		if sc == scriptGSM7 || sc == scriptPacked {
			own, err = u.table()
			note(err)
		}
		if n > 0 && (sc != last || own != table) {
			flush()
		}
		last, table = sc, own
		switch sc {
		case scriptPacked:
			run = appendUnpacked(run, body, fillBits(u.Octets))
		case scriptUCS2:
			if len(body)%2 != 0 { // else all that follows would be shifted by an octet
				note(ErrDamaged)
				body = body[:len(body)-1]
			}
			run = append(run, body...)
		default:
			run = append(run, body...)
		}
	}
	flush()
	return text, first
}
