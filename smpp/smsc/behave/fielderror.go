package behave

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/smpp/wire"
)

// FieldError says what is wrong with one field of a rule, an account or a message to inject.
type FieldError struct {
	Field  string // its path in the JSON: receipt.delay.min
	Reason string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

// Wrong makes a *FieldError.
func Wrong(field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}

// oneOf refuses a name that is none of those known.
func oneOf[T ~string](field string, name T, known []T) error {
	if name == "" || slices.Contains(known, name) {
		return nil
	}
	all := make([]string, len(known))
	for i, k := range known {
		all[i] = string(k)
	}
	near := Nearest(string(name), all)
	if near != "" {
		near = fmt.Sprintf("; the nearest is %q", near)
	}
	return Wrong(field, "%q is none of %s%s", name, strings.Join(all, ", "), near)
}

// aState refuses a state that is none of those that a rule may name; 0 is none, and good.
func aState(field string, s wire.MessageState) error {
	if s == 0 {
		return nil
	}
	return stateWord(field, s.String())
}

// stateWord refuses a word that names no such state.
func stateWord(field, word string) error {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = s.String()
	}
	return oneOf(field, word, words)
}

// unknownField is what encoding/json says of a field that there is not.
const unknownField = "unknown field "

// Strict decodes JSON and refuses fields that v does not have or that are there twice, and anything behind it.
func Strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		var state *wire.UnknownStateError // which does not know its field
		if strings.Contains(err.Error(), unknownField) || errors.As(err, &state) {
			return cmp.Or(stranger(b, reflect.TypeOf(v), ""), err)
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the JSON value")
	}
	return repeated(json.NewDecoder(bytes.NewReader(b)), "")
}

// repeated finds a field that an object has twice, in whatever case, and says so with its path: encoding/json
// would take the last one, and whoever wrote it may mean the first. d is before a value that is well formed.
func repeated(d *json.Decoder, path string) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		seen := make(map[string]bool)
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return err
			}
			name := key.(string)
			at := strings.TrimPrefix(path+"."+cmp.Or(name, `""`), ".")
			if seen[strings.ToLower(name)] {
				return Wrong(at, "is there twice")
			}
			seen[strings.ToLower(name)] = true
			if err := repeated(d, at); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for i := 0; d.More(); i++ {
			if err := repeated(d, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = d.Token() // the end of it
	return err
}

// JSONError makes a FieldError of what encoding/json says.
func JSONError(err error) error {
	var f *FieldError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &typ):
		return Wrong(cmp.Or(typ.Field, "body"), "is a JSON %s, want %s", typ.Value, wanted(typ.Type))
	}
	if _, name, ok := strings.Cut(err.Error(), unknownField); ok {
		return Wrong(cmp.Or(strings.Trim(name, `"`), "body"), "is no field here")
	}
	return Wrong("body", "is no JSON that can be read: %v", err)
}

// wanted says what JSON a Go type is.
func wanted(t reflect.Type) string {
	if t == stateType {
		t = reflect.TypeFor[string]()
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	}
	return "a number of type " + t.Kind().String()
}

// first is the first of joined errors.
func first(err error) error {
	if err == nil {
		return nil
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()[0]
	}
	return err
}
