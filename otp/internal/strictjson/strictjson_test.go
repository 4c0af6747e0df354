package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const request = `{"phoneNumber":"+33612345678","trackId":"00000000-0000-4000-8000-000000000001","otpCallbackUrl":"https://example.com/otp"}`

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse([]byte(request)); err != nil {
			b.Fatal(err)
		}
	}
}

// bodies are objects, what looks like one, and what two programs would read as two things.
var bodies = []string{
	request,
	"", " ", "{", "}", "{}", " \t\r\n{ } ", "{}{}", "{},", "[]", "null", `"a"`, "{a:1}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a" 1}`,
	`{"a":1}`, ` { "a" : 1 , "b" : "c" } `, "{\"a\"\n:\r1\t,\"b\":null}", `{"a":-1.5e+3,"b":true,"c":false,"d":null}`,
	`{"a":01}`, `{"a":1.}`, `{"a":+1}`, `{"a":nul}`, `{"a":tru e}`, `{"a":"b}`, "{\"a\":\"\n\"}", `{"a":"\x"}`, `{"a":"\u12"}`,
	`{"":1}`, `{"":1,"":2}`, `{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"\u0061":1,"a":2}`, `{"k":1,"\u212a":2}`, `{"s":1,"\u017f":2}`,
	`{"\ud800":1,"\udfff":2}`, `{"\ufffd":1,"\ud800":2}`, `{"É":1,"é":2}`, `{"İ":1,"i̇":2}`,
	`{"a":{"b":1,"b":2}}`, `{"a":{"b":1,"B":2}}`, `{"a":{"a":{"a":1}}}`, `{"a":{"b":1},"b":{"a":1}}`, `{"a":[{"b":1},{"b":2},{"b":3,"b":4}]}`,
	`{"a":[{"b":1},{"b":2}],"c":[[],[[{}]],{"d":[1,2,"3"]}]}`, `{"a":{"b":[{"b":1}],"b":1}}`, `{"a":{"b":1},"c":1,"a":1}`,
	`{"a":"\"","b":"\\","c":"\\\"","\"":1,"\\":2}`, `{"a":"}","b":"]","c":",","d":":","{":1}`, `{"a":["\"]","{"]}`,
	"{\"a\":\"\xff\"}", "{\"\xff\":1}", "\ufeff{}", "{\"a\":\"\u2028\"}", `{"a":"\u2028\u0000\ud83d\ude00"}`, "{\"a\":\x00}",
}

// TestParse: as encoding/json reads, and nothing with a name twice.
func TestParse(t *testing.T) {
	for _, body := range bodies {
		same(t, []byte(body))
	}
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	same(t, []byte(deep(9_999)))
	same(t, []byte(deep(10_000)))
}

func FuzzParse(f *testing.F) {
	for _, body := range bodies {
		f.Add([]byte(body))
	}
	f.Fuzz(same)
}

// same compares Parse with the plain reading of encoding/json, and a second one for the names, by its tokens.
func same(t *testing.T, body []byte) {
	given := bytes.Clone(body)
	want, wantErr := plainly(body)
	o, err := Parse(body)
	if err != wantErr || !reflect.DeepEqual(o, want) {
		t.Fatalf("%.200q: %q, %v; encoding/json: %q, %v", body, o, err, want, wantErr)
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		v := o.Value(name)
		var text string
		if err := json.Unmarshal(o[name], &text); v.Kind == Text && (err != nil || v.Text != text) {
			t.Errorf("%q of %.200q: %+v; encoding/json: %q, %v", name, body, v, text, err)
		}
	}
	if !bytes.Equal(body, given) {
		t.Errorf("the body was changed: %q, now %q", given, body)
	}
}

func plainly(body []byte) (o Object, err error) {
	if !utf8.Valid(body) || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte{'{'}) || json.Unmarshal(body, &o) != nil {
		return nil, ErrObject
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if repeatsName(dec, true) {
		return nil, ErrRepeated
	}
	return o, nil
}

// repeatsName reads one value.
func repeatsName(dec *json.Decoder, first bool) bool {
	t, err := dec.Token()
	if err != nil {
		return !errors.Is(err, io.EOF)
	}
	names := make(map[string]bool)
	switch t {
	case json.Delim('['):
		for dec.More() {
			if repeatsName(dec, false) {
				return true
			}
		}
		_, _ = dec.Token()
	case json.Delim('{'):
		for dec.More() {
			name, _ := dec.Token()
			key := name.(string)
			if first {
				key = strings.ToLower(key)
			}
			if names[key] || repeatsName(dec, false) {
				return true
			}
			names[key] = true
		}
		_, _ = dec.Token()
	}
	return false
}
