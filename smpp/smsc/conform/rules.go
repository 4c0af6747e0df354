package conform

import "strings"

func noTON(_ *state, v []byte) bool { return v[0] > 6 }

// noNPI knows the numbering plans of 5.2.6.
func noNPI(_ *state, v []byte) bool {
	switch v[0] {
	case 0, 1, 3, 4, 6, 8, 9, 10, 14, 18:
		return false
	}
	return true
}

const (
	tonUnknown = 0
	tonName    = 5
	npiIP      = 14
)

// isNumber reports whether an address is digits. A leading + is what people write; some carriers take it, so
// it is.
func isNumber(v []byte) bool {
	s := strings.TrimPrefix(string(v), "+")
	return s != "" && strings.Trim(s, "0123456789*#") == ""
}

func lettersInNumber(s *state, v []byte) bool {
	return len(v) > 0 && s.ton != tonUnknown && s.ton != tonName && s.npi != npiIP && !isNumber(v)
}

func noNumber(s *state, v []byte) bool { return len(v) > 0 && s.npi != npiIP && !isNumber(v) }

func empty(_ *state, v []byte) bool { return len(v) == 0 }

func noTime(s *state, v []byte) bool {
	_, err := ParseTime(string(v), s.now)
	return err != nil
}

func pastTime(s *state, v []byte) bool {
	t, err := ParseTime(string(v), s.now)
	return err == nil && len(v) > 0 && t.Before(s.now)
}

// spentTime is a validity that ends before the message can be delivered.
func spentTime(s *state, v []byte) bool {
	t, err := ParseTime(string(v), s.now)
	return err == nil && len(v) > 0 && (!t.After(s.now) || t.Before(s.scheduled))
}

// smscClass: of the message types only none and the two acknowledgements come from an ESME.
func smscClass(_ *state, v []byte) bool {
	switch v[0] & 0x3C {
	case 0, 0x08, 0x10:
		return false
	}
	return true
}

func registeredBits(_ *state, v []byte) bool { return v[0]&0xE0 != 0 }
func notZero(_ *state, v []byte) bool        { return v[0] != 0 }
func overOne(_ *state, v []byte) bool        { return v[0] > 1 }
func overThree(_ *state, v []byte) bool      { return v[0] > 3 }
func overLength(_ *state, v []byte) bool     { return v[0] > 254 }
