package receipt

import "strings"

// shapes gives, for each field, the longest value Redact keeps and the characters it may be of. A PIN has
// four digits or more, so no digits as long as that are kept but in a date and an id.
var shapes = [fieldCount]struct {
	name  string
	max   int
	chars string
}{
	fieldID:     {"id", 65, ""},
	fieldSub:    {"sub", 3, "0123456789"},
	fieldDlvrd:  {"dlvrd", 3, "0123456789"},
	fieldSubmit: {"submit date", 16, "0123456789+-"},
	fieldDone:   {"done date", 16, "0123456789+-"},
	fieldStat:   {"stat", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"},
	fieldErr:    {"err", 3, "0123456789ABCDEFabcdefxX"},
}

// Redact gives of a receipt's text what an operator needs to see why it was refused, and nothing that could
// be a message: keys with values of the shape they should have, `?` for another value, and nothing of what
// stands behind the text key or outside a key. Fewer than three keys may be chance in a message: their values
// are not kept.
func Redact(text string) string {
	head, _, body := split(text, byMark)
	f := values(head, body, false)
	trusted := f.count() >= 3
	var b strings.Builder
	for k := range fieldText {
		if !f.seen[k] {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		v := f.token(k)
		s := shapes[k]
		if v != "" && (!trusted || len(v) > s.max || s.chars != "" && strings.Trim(v, s.chars) != "") {
			v = "?"
		}
		b.WriteString(s.name + ":" + v)
	}
	return b.String()
}
