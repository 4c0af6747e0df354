package receipt

import "strings"

// field is a key of a receipt's text.
type field int

const (
	fieldID field = iota
	fieldSub
	fieldDlvrd
	fieldSubmit
	fieldDone
	fieldStat
	fieldErr
	fieldText
	fieldCount
)

// keyNames lists the spellings met, in lower case. A spelling that starts with another stands before it.
var keyNames = []struct {
	name  string
	field field
}{
	{"submit date", fieldSubmit}, {"submit_date", fieldSubmit}, {"submitdate", fieldSubmit},
	{"done date", fieldDone}, {"done_date", fieldDone}, {"donedate", fieldDone},
	{"message_id", fieldID}, {"messageid", fieldID}, {"message id", fieldID}, {"msgid", fieldID}, {"id", fieldID},
	{"sub", fieldSub},
	{"dlvrd", fieldDlvrd}, {"dlvr", fieldDlvrd}, {"dlvd", fieldDlvrd},
	{"status", fieldStat}, {"state", fieldStat}, {"stat", fieldStat},
	{"error", fieldErr}, {"err", fieldErr},
	{"text", fieldText},
}

// maxText bounds the part of a text that is looked at; a receipt is 100 to 200 octets.
const maxText = 4096

// fields holds the values of a receipt's text, trimmed. The text field's own value is never in it.
type fields struct {
	value [fieldCount]string
	seen  [fieldCount]bool
}

// found is one key in the text: its field, where its key starts and where its value starts.
type found struct {
	field      field
	key, value int
}

// clean takes the NULs out: the many of a UCS-2 text that was taken for octets go, the others part words.
func clean(text string) string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	n := strings.Count(text, "\x00")
	switch {
	case n == 0:
		return text
	case n*3 >= len(text):
		return strings.ReplaceAll(text, "\x00", "")
	}
	return strings.ReplaceAll(text, "\x00", " ")
}

// split parts a text into what stands before the first text key, and what stands behind it.
func split(text string) (head, tail []found, body string) {
	body = clean(text)
	head = keys(body)
	for i, f := range head {
		if f.field == fieldText {
			head, tail = head[:i+1:i+1], head[i+1:]
			break
		}
	}
	if !has(head, fieldID) {
		head = looseID(head, body)
	}
	return head, tail, body
}

func has(list []found, f field) bool {
	for _, k := range list {
		if k.field == f {
			return true
		}
	}
	return false
}

// keys finds every key that starts a word.
func keys(s string) []found {
	var out []found
	for i := 0; i < len(s); i++ {
		if i > 0 && wordByte(s[i-1]) {
			continue
		}
		if f, end, ok := keyAt(s, i); ok {
			out = append(out, found{field: f, key: i, value: end})
			i = end - 1
		}
	}
	return out
}

// keyAt reports the key that starts at i, and where its value starts. Blanks may stand before the colon.
func keyAt(s string, i int) (field, int, bool) {
	for _, k := range keyNames {
		if len(s)-i <= len(k.name) || !strings.EqualFold(s[i:i+len(k.name)], k.name) {
			continue
		}
		j := i + len(k.name)
		for j < len(s) && s[j] == ' ' {
			j++
		}
		if j < len(s) && s[j] == ':' {
			return k.field, j + 1, true
		}
	}
	return 0, 0, false
}

// looseID finds an id key with garbage right before it, as when the header of a concatenated message is left on.
func looseID(all []found, s string) []found {
	limit := len(s)
	if len(all) > 0 {
		limit = all[0].key
	}
	for i := 0; i+3 <= limit; i++ {
		if strings.EqualFold(s[i:i+3], "id:") {
			return append([]found{{field: fieldID, key: i, value: i + 3}}, all...)
		}
	}
	return all
}

// values reads the values of the keys, each up to the next key. The first that is not empty counts, or with last the
// last: behind a text, which may hold keys of its own, the SMSC's keys are the later ones.
func values(list []found, s string, last bool) fields {
	var out fields
	for i, k := range list {
		out.seen[k.field] = true
		if k.field == fieldText {
			continue
		}
		end := len(s)
		if i+1 < len(list) {
			end = list[i+1].key
		}
		v := strings.TrimFunc(s[k.value:end], blank)
		if v != "" && (last || out.value[k.field] == "") {
			out.value[k.field] = v
		}
	}
	return out
}

// token is the first word of a value: what follows it is no key that we know.
func (f *fields) token(k field) string {
	v := f.value[k]
	if i := strings.IndexFunc(v, blank); i >= 0 {
		v = v[:i]
	}
	return strings.Trim(v, ",;")
}

func (f *fields) count() int {
	n := 0
	for _, s := range f.seen {
		if s {
			n++
		}
	}
	return n
}

func blank(r rune) bool { return r <= ' ' || r == 0x7F || r == 0xA0 }

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
