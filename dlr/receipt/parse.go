package receipt

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Parse reads a receipt from its decoded text and its TLVs; either may be empty. It reports false when there
// is no message id or no state in them. It never panics, whatever the octets.
func Parse(text string, tlvs wire.TLVs) (Receipt, bool) {
	value := func(tag uint16) []byte {
		v, _ := tlvs.Get(tag)
		return v
	}
	id, state := tlvID(value(wire.TagReceiptedMessageID)), tlvState(value(wire.TagMessageState))
	f, before := read(text, id != "", state != 0)
	r := Receipt{
		ID:        f.token(fieldID),
		State:     parseState(f.token(fieldStat)),
		ErrorCode: tlvError(value(wire.TagNetworkErrorCode)),
	}
	if f.token(fieldStat) == "" {
		r.State = bareState(before)
	}
	if f.count() == 0 {
		r.ID = bareID(before)
	}
	if id != "" && id != r.ID {
		r.ID, r.OtherID = id, r.ID
	}
	if state != 0 {
		r.State = state
	}
	if r.ErrorCode == nil {
		r.ErrorCode = parseError(f.token(fieldErr))
	}
	return r, r.ID != "" && r.State != 0
}

// read finds the fields of a text, and what of the text stands before the message that it repeats; behind it
// only for what is wanted and was not found. Fields that are parted from their values by blanks alone count
// where there is no other.
func read(text string, hasID, hasState bool) (f fields, before string) {
	head, tail, body := split(text, byMark)
	if len(head) == 0 {
		head, tail, body = split(text, byBlank)
	}
	before = body
	if n := len(head); n > 0 && head[n-1].field == fieldText {
		before = body[:head[n-1].key]
	}
	f = values(head, body, false)
	missing := !hasID && f.token(fieldID) == "" || !hasState && parseState(f.token(fieldStat)) == 0 && bareState(before) == 0
	if missing && len(tail) > 0 {
		f.fill(values(tail, body, true))
	}
	return f, before
}

// fill takes from behind the text what the fields before it lack.
func (f *fields) fill(behind fields) {
	for k, v := range behind.value {
		if field(k) == fieldStat && parseState(f.token(fieldStat)) == 0 && v != "" {
			f.value[k] = v
		}
		if f.value[k] == "" {
			f.value[k] = v
		}
	}
}

// tlvID reads receipted_message_id up to its NUL, SMPP 3.4, 5.3.2.12.
func tlvID(v []byte) string {
	s, _, _ := strings.Cut(string(v), "\x00")
	return strings.TrimFunc(s, blank)
}

// tlvState reads message_state, SMPP 3.4, 5.3.2.35; an ASCII digit is taken for its number.
func tlvState(v []byte) wire.MessageState {
	switch {
	case len(v) == 0:
		return 0
	case v[0] >= '0' && v[0] <= '9':
		return parseState(string(v[:1]))
	case len(v) > 1 && v[0] == 0:
		v = v[len(v)-1:] // written as a wider integer
	}
	return wireState(v[0])
}

// tlvError reads network_error_code, SMPP 3.4, 5.3.2.31. No network type is an ASCII digit, so digits are
// certain.
func tlvError(v []byte) *int {
	if s := strings.TrimFunc(string(v), blank); s != "" && len(s) <= 6 && strings.Trim(s, "0123456789") == "" {
		n, _ := strconv.Atoi(s)
		return &n
	}
	if len(v) < 2 {
		return nil
	}
	n := int(binary.BigEndian.Uint16(v[len(v)-2:]))
	return &n
}

// parseError reads err: digits are decimal, with a letter a to f or an 0x it is hexadecimal.
func parseError(token string) *int {
	base, digits := 10, token
	if s, ok := strings.CutPrefix(strings.ToLower(token), "0x"); ok {
		base, digits = 16, s
	} else if strings.ContainsAny(strings.ToLower(token), "abcdef") {
		base = 16
	}
	n, err := strconv.ParseUint(digits, base, 31)
	if err != nil || len(digits) > 8 {
		return nil
	}
	code := int(n)
	return &code
}
