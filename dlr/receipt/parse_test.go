package receipt

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/otpgw/otpgw/smpp/wire"
)

// vector is one entry of testdata/receipts/receipts.json.
type vector struct {
	Name    string            `json:"name"`
	Text    string            `json:"text"`
	TextHex string            `json:"textHex"`
	TLVs    map[string]string `json:"tlvs"` // hexadecimal tag to hexadecimal value
	OK      bool              `json:"ok"`
	ID      string            `json:"id"`
	IDHex   string            `json:"idHex"`
	State   string            `json:"state"`
	Error   *int              `json:"error"`
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func vectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("../../testdata/receipts/receipts.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 30 {
		t.Fatalf("%d vectors, want 30 or more", len(list))
	}
	for i := range list {
		if list[i].TextHex != "" {
			list[i].Text = string(unhex(t, list[i].TextHex))
		}
		if list[i].IDHex != "" {
			list[i].ID = string(unhex(t, list[i].IDHex))
		}
	}
	return list
}

func (v vector) tlvs(t testing.TB) (out wire.TLVs) {
	t.Helper()
	for tag, value := range v.TLVs {
		n, err := strconv.ParseUint(tag, 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, wire.TLV{Tag: uint16(n), Value: unhex(t, value)})
	}
	return out
}

func code(n *int) string {
	if n == nil {
		return "none"
	}
	return strconv.Itoa(*n)
}

func TestParseVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			r, ok := Parse(v.Text, v.tlvs(t))
			if ok != v.OK {
				t.Fatalf("ok is %v, want %v: %+v", ok, v.OK, r)
			}
			if !ok {
				return
			}
			if r.ID != v.ID || r.State.String() != v.State || code(r.ErrorCode) != code(v.Error) {
				t.Errorf("got id %q, state %v, error %s; want %q, %s, %s", r.ID, r.State, code(r.ErrorCode), v.ID, v.State, code(v.Error))
			}
		})
	}
}

// TestRedact asks for what is kept, and that no PIN of any place in a text is.
func TestRedact(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"text is cut", "id:5 sub:001 stat:PURPLE err:000 text:Your code is 482913", "id:5 sub:001 stat:PURPLE err:000"},
		{"a message", "Your code is 482913", ""},
		{"a message with one key", "Your id: 482913", "id:?"},
		{"a message with two keys", "Your id: 482913, err: 482913", "id:? err:?"},
		{"a PIN in place of a state", "id:5 sub:001 stat:482913 err:482913", "id:5 sub:001 stat:? err:?"},
		{"text without its key", "id:5 sub:001 dlvrd:001 err:000 Your code is 482913", "id:5 sub:001 dlvrd:001 err:000"},
		{"text first", "text:Your code is 482913 id:5 sub:001 stat:PURPLE", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Redact(c.text)
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if strings.Contains(got, "482913") {
				t.Error("the PIN was kept")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		tlvs := v.tlvs(f)
		id, _ := tlvs.Get(wire.TagReceiptedMessageID)
		state, _ := tlvs.Get(wire.TagMessageState)
		code, _ := tlvs.Get(wire.TagNetworkErrorCode)
		f.Add(v.Text, id, state, code)
	}
	f.Fuzz(func(t *testing.T, text string, id, state, code []byte) {
		tlvs := wire.TLVs{{Tag: wire.TagReceiptedMessageID, Value: id}, {Tag: wire.TagMessageState, Value: state}, {Tag: wire.TagNetworkErrorCode, Value: code}}
		r, ok := Parse(text, tlvs)
		if ok != (r.ID != "" && r.State != 0) {
			t.Fatalf("ok is %v for %+v", ok, r)
		}
		if strings.Contains(r.ID, "\x00") {
			t.Fatalf("id %q", r.ID)
		}
		if r.ErrorCode != nil && *r.ErrorCode < 0 {
			t.Fatalf("error code %d", *r.ErrorCode)
		}
		// What Redact keeps is a receipt's text again, and keeps no more when redacted once more.
		once := Redact(text)
		if twice := Redact(once); utf8.ValidString(text) && len(twice) > len(once) {
			t.Fatalf("%q redacted again is %q", once, twice)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	const text = "id:0712345678 sub:001 dlvrd:001 submit date:2603040506 done date:2603040507 stat:DELIVRD err:000 text:Your code is"
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Parse(text, nil); !ok {
			b.Fatal("refused")
		}
	}
}
