package behave

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Nearest is the known name that a slip may have been meant for; empty when none is near. Upper and lower
// case, hyphens and underscores count for nothing.
func Nearest(name string, known []string) string {
	plain := strings.NewReplacer("_", "", "-", "", " ", "")
	fold := func(s string) string { return plain.Replace(strings.ToLower(s)) }
	best, far := "", 1+len(name)/2
	for _, k := range known {
		a, b := fold(name), fold(k)
		d := distance(a, b)
		if len(b) > 2 && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a) && len(a) > 2) {
			d = min(d, 1)
		}
		if d < far {
			best, far = k, d
		}
	}
	return best
}

// distance is how many letters have to be added, taken out, changed or swapped with their neighbour.
func distance(a, b string) int {
	before, last, row := []int(nil), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, make([]int, len(b)+1)
	}
	return last[len(b)]
}

// hint is what to say behind a name that is none: the nearest one, or all.
func hint(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("; the nearest is %q", near)
	}
	return "; there are " + strings.Join(known, ", ")
}

// stranger finds the first field in JSON that the type does not have, or that names no state, and says so
// with its path.
func stranger(b []byte, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == stateType:
		var word string
		_ = json.Unmarshal(b, &word)
		return stateWord(path, word)
	case t.Kind() == reflect.Slice:
		var items []json.RawMessage
		if json.Unmarshal(b, &items) != nil {
			return nil
		}
		for i, item := range items {
			if err := stranger(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	case t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(unmarshaler):
		return nil
	}
	fields := fieldsOf(t)
	d := json.NewDecoder(bytes.NewReader(b))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return nil
		}
		name := key.(string)
		at := strings.TrimPrefix(path+"."+cmp.Or(name, `""`), ".")
		i := slices.IndexFunc(fields, func(f field) bool { return strings.EqualFold(f.name, name) })
		if i < 0 {
			return Wrong(at, "is no field here%s", hint(name, names(fields)))
		}
		if err := stranger(value, fields[i].typ, at); err != nil {
			return err
		}
	}
	return nil
}

var stateType = reflect.TypeFor[wire.MessageState]()

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// field is a field of a struct as JSON has it.
type field struct {
	name string
	typ  reflect.Type
}

func fieldsOf(t reflect.Type) (list []field) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" {
			name = t.Field(i).Name
		}
		list = append(list, field{name, t.Field(i).Type})
	}
	return list
}

func names(fields []field) (list []string) {
	for _, f := range fields {
		list = append(list, f.name)
	}
	return list
}
