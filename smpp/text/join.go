package text

// Join puts a message together from its parts, in any order; a part that came twice counts once. Parts are
// joined before they are decoded, so a pair that the sender split between two parts is whole again. Errors:
// ErrMixed and ErrIncomplete, with no text; ErrUDH, ErrLanguage and those of Decode, with the best that could
// be read.
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

// joinOrdered decodes runs of parts in one encoding and national table, since senders may choose them part by
// part.
func joinOrdered(parts []Part, order []int, a Alphabet) (string, error) {
	var (
		text  string
		run   []byte
		last  kind
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
		k := kindOf(p.DataCoding, a)
		var own *shift
		if k == kindGSM7 || k == kindPacked {
			own, err = u.table()
			note(err)
		}
		if n > 0 && (k != last || own != table) {
			flush()
		}
		last, table = k, own
		switch k {
		case kindPacked:
			run = appendUnpacked(run, body, fillBits(u.Octets))
		case kindUCS2:
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
