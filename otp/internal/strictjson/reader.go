package strictjson

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// reader goes once through JSON that is known to be valid UTF-8 and valid JSON, so that it need not tell one
// mark between values from another.
type reader struct {
	data     []byte
	at       int
	names    []string // of the members read so far of each object that is open, one after the other
	repeated bool     // an object had a name twice
}

// object reads the object that begins here. With o it is the first level, whose members o gets and whose
// names may not differ in case alone; below, a key in two cases is two keys: that is the caller's own.
func (r *reader) object(o Object) {
	first := len(r.names)
	for r.at++; r.next() != '}'; {
		name := unquote(r.value())
		value := r.value()
		if o != nil {
			o[name] = value
			name = strings.ToLower(name)
		}
		r.names = append(r.names, name)
	}
	r.at++
	names := r.names[first:]
	slices.Sort(names)
	if len(slices.Compact(names)) < len(names) {
		r.repeated = true
	}
	r.names = r.names[:first]
}

// value reads one value, of which there is one.
func (r *reader) value() json.RawMessage {
	c, begin := r.next(), r.at
	switch c {
	case '{':
		r.object(nil)
	case '[':
		for r.at++; r.next() != ']'; {
			r.value()
		}
		r.at++
	case '"':
		for r.at++; r.data[r.at] != '"'; r.at++ {
			if r.data[r.at] == '\\' {
				r.at++
			}
		}
		r.at++
	default:
		for r.at++; strings.IndexByte(" \t\r\n,]}", r.data[r.at]) < 0; r.at++ {
		}
	}
	return r.data[begin:r.at:r.at]
}

// next goes to the next value or end of one, and is its first octet.
func (r *reader) next() byte {
	for {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			r.at++
		default:
			return c
		}
	}
}

// unquote is the text of a string.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // a valid string
	return s
}
