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

// keyName is a spelling of a key, in lower case.
type keyName struct {
	name  string
	field field
}

// keyNames lists the spellings met. A spelling that starts with another stands before it.
var keyNames = []keyName{
	{"submit date", fieldSubmit}, {"submit_date", fieldSubmit}, {"submit-date", fieldSubmit}, {"submitdate", fieldSubmit},
	{"done date", fieldDone}, {"done_date", fieldDone}, {"done-date", fieldDone}, {"donedate", fieldDone},
	{"receipted_message_id", fieldID}, {"message_id", fieldID}, {"message-id", fieldID}, {"messageid", fieldID}, {"message id", fieldID},
	{"msg_id", fieldID}, {"msg-id", fieldID}, {"msgid", fieldID}, {"id", fieldID},
	{"sub", fieldSub},
	{"dlvrd", fieldDlvrd}, {"dlvr", fieldDlvrd}, {"dlvd", fieldDlvrd},
	{"message_state", fieldStat}, {"message_status", fieldStat}, {"delivery_status", fieldStat}, {"dlr_status", fieldStat},
	{"msg_status", fieldStat}, {"status", fieldStat}, {"state", fieldStat}, {"stat", fieldStat},
	{"error_code", fieldErr}, {"err_code", fieldErr}, {"errcode", fieldErr}, {"error", fieldErr}, {"err", fieldErr},
	{"text", fieldText},
}

// keysByLetter are the same by their first letter in either case, for a text has many words and few keys.
var keysByLetter = func() (by [256][]keyName) {
	for _, k := range keyNames {
		lower := k.name[0]
		upper := lower - 'a' + 'A'
		by[lower], by[upper] = append(by[lower], k), append(by[upper], k)
	}
	return by
}()

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

// What parts a key from its value: marks of which one has to stand there, or nothing but blanks.
const (
	byMark  = ":="
	byBlank = ""
)

// split parts a text into what stands before the first text key, and what stands behind it.
func split(text, separator string) (head, tail []found, body string) {
	body = clean(text)
	head = keys(body, separator)
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
func keys(s, separator string) []found {
	out := make([]found, 0, fieldCount)
	for i := 0; i < len(s); i++ {
		if i > 0 && wordByte(s[i-1]) {
			continue
		}
		if f, end, ok := keyAt(s, i, separator); ok {
			out = append(out, found{field: f, key: i, value: end})
			i = end - 1
		}
	}
	return out
}

// keyAt reports the key that starts at i, and where its value starts. The key may be in quotes, and blanks
// may stand before the separator.
func keyAt(s string, i int, separator string) (field, int, bool) {
	for _, k := range keysByLetter[s[i]] {
		if len(s)-i <= len(k.name) || !strings.EqualFold(s[i:i+len(k.name)], k.name) {
			continue
		}
		j := i + len(k.name)
		if s[j] == '"' || s[j] == '\'' {
			j++
		}
		end := j
		for j < len(s) && blank(rune(s[j])) {
			j++
		}
		switch {
		case j == len(s):
		case separator == byBlank:
			if j > end {
				return k.field, j, true
			}
		case strings.IndexByte(separator, s[j]) >= 0:
			return k.field, j + 1, true
		}
	}
	return 0, 0, false
}

// looseID finds an id key with garbage right before it, as when the header of a concatenated message is left
// on.
func looseID(all []found, s string) []found {
	end := len(s)
	if len(all) > 0 {
		end = all[0].key
	}
	for i := 0; i+3 <= end; i++ {
		if strings.EqualFold(s[i:i+3], "id:") {
			return append([]found{{field: fieldID, key: i, value: i + 3}}, all...)
		}
	}
	return all
}

// values reads the values of the keys, each up to the next key. The first that is not empty counts, or with
// last the last: behind a text, which may hold keys of its own, the SMSC's keys are the later ones.
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

// token is the first word of a value: what follows it is no key that we know. A comma may be in an id, but
// not before a state.
func (f *fields) token(k field) string {
	v := strings.TrimLeftFunc(f.value[k], mark)
	if i := strings.IndexFunc(v, parts); i >= 0 {
		v = v[:i]
	}
	if before, after, ok := strings.Cut(v, ","); ok && bareState(after) != 0 {
		v = before
	}
	return strings.TrimFunc(v, mark)
}

// parts says whether r stands between fields; mark, whether it may stand around a value.
func parts(r rune) bool { return blank(r) || strings.ContainsRune(";|&", r) }
func mark(r rune) bool  { return parts(r) || strings.ContainsRune(`,"'<>{}[]/#:=`, r) }

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
