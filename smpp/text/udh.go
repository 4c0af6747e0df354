package text

// The information elements read here (3GPP TS 23.040, 9.2.3.24).
const (
	ieConcatenation8  = 0x00
	ieConcatenation16 = 0x08
	ieSingleShift     = 0x24
	ieLockingShift    = 0x25
)

// UDH is what a user data header says of its text.
type UDH struct {
	Ref           uint16
	Number, Total int // 0 without concatenation

	SingleShift  byte // national language identifiers (3GPP TS 23.038, 6.2.1.2.4); 0 is none
	LockingShift byte

	Octets int // the header's length with its length octet; decides the fill bits of packed text
}

// appendHeader appends the part's header: its place in its message when the form says so, and its national
// table. With neither there is none.
func appendHeader(dst []byte, p *Part, form Long, sh *shift) []byte {
	at := len(dst)
	dst = append(dst, 0)
	switch form {
	case LongUDH8:
		dst = append(dst, ieConcatenation8, 3, byte(p.Ref), byte(p.Total), byte(p.Number))
	case LongUDH16:
		dst = append(dst, ieConcatenation16, 4, byte(p.Ref>>8), byte(p.Ref), byte(p.Total), byte(p.Number))
	}
	if sh != nil {
		dst = append(dst, ieSingleShift, 1, sh.id)
	}
	if len(dst) == at+1 {
		return dst[:at]
	}
	dst[at] = byte(len(dst) - at - 1)
	return dst
}

// table is the national table that the header names, nil for none. The error is ErrLanguage: locking shift
// tables are not known here, nor are other languages.
func (u *UDH) table() (*shift, error) {
	sh := shiftOf(u.SingleShift)
	if u.LockingShift != 0 || u.SingleShift != 0 && sh == nil {
		return sh, ErrLanguage
	}
	return sh, nil
}

// ParseUDH reads the header that shortMessage begins with, and returns what follows it. Elements of no
// interest are passed over; of an element that comes twice the last counts; a concatenation that numbers its
// part 0 or above the total is ignored, as 3GPP TS 23.040, 9.2.3.24.1 wants it. The error is ErrUDH: with a
// header longer than the message rest is all of it, with an element longer than the header rest is right and
// u holds what came before.
func ParseUDH(shortMessage []byte) (u UDH, rest []byte, err error) {
	if len(shortMessage) == 0 || int(shortMessage[0]) >= len(shortMessage) {
		return UDH{}, shortMessage, ErrUDH
	}
	u.Octets = 1 + int(shortMessage[0])
	header, rest := shortMessage[1:u.Octets], shortMessage[u.Octets:]
	for len(header) > 0 {
		if len(header) < 2 || int(header[1]) > len(header)-2 {
			return u, rest, ErrUDH
		}
		id, value := header[0], header[2:2+header[1]]
		u.element(id, value)
		header = header[2+len(value):]
	}
	return u, rest, nil
}

// element takes in one information element.
func (u *UDH) element(id byte, v []byte) {
	switch {
	case id == ieConcatenation8 && len(v) == 3:
		u.concatenation(uint16(v[0]), v[1], v[2])
	case id == ieConcatenation16 && len(v) == 4:
		u.concatenation(uint16(v[0])<<8|uint16(v[1]), v[2], v[3])
	case id == ieSingleShift && len(v) == 1:
		u.SingleShift = v[0]
	case id == ieLockingShift && len(v) == 1:
		u.LockingShift = v[0]
	}
}

func (u *UDH) concatenation(ref uint16, total, number byte) {
	if number == 0 || number > total {
		return
	}
	u.Ref, u.Total, u.Number = ref, int(total), int(number)
}
