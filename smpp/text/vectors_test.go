package text

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// vectors reads a file of named cases from testdata/text.
func vectors[T any](tb testing.TB, file string) []T {
	tb.Helper()
	b, err := os.ReadFile("../../testdata/text/" + file)
	if err != nil {
		tb.Fatal(err)
	}
	var cases []T
	if err := json.Unmarshal(b, &cases); err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	if len(cases) == 0 {
		tb.Fatalf("%s holds no cases", file)
	}
	return cases
}

// octets is a field of hexadecimal digits.
type octets []byte

func (o *octets) UnmarshalText(b []byte) (err error) {
	*o, err = hex.DecodeString(string(b))
	return err
}

func (o octets) String() string { return strings.ToUpper(hex.EncodeToString(o)) }

// run is a string and how often it comes: ["a", 153].
type run struct {
	s     string
	times int
}

func (r *run) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&r.s, &r.times})
}

type splitVector struct {
	Name     string
	Alphabet Alphabet
	Long     Long
	National []Language
	Plain    bool // Transliterate
	Ref      uint16
	Text     []run
	Encoding Encoding
	Parts    []struct {
		DataCoding, ESMClass byte
		ShortMessage         octets
		TLVs                 map[string]octets
	}
}

func (v splitVector) text() string {
	var b strings.Builder
	for _, r := range v.Text {
		b.WriteString(strings.Repeat(r.s, r.times))
	}
	return b.String()
}

func (v splitVector) options() Options {
	return Options{Alphabet: v.Alphabet, Long: v.Long, National: v.National, Transliterate: v.Plain}
}

func TestSplitVectors(t *testing.T) {
	for _, v := range vectors[splitVector](t, "split.json") {
		t.Run(v.Name, func(t *testing.T) {
			parts, enc, err := Split(v.text(), v.Ref, v.options())
			if err != nil {
				t.Fatal(err)
			}
			if enc != v.Encoding {
				t.Errorf("encoding %s, want %s", enc, v.Encoding)
			}
			if len(parts) != len(v.Parts) {
				t.Fatalf("%d parts, want %d", len(parts), len(v.Parts))
			}
			for i, p := range parts {
				want := v.Parts[i]
				if p.DataCoding != want.DataCoding || p.ESMClass != want.ESMClass {
					t.Errorf("part %d: data_coding %d, esm_class %#x, want %d, %#x", i+1, p.DataCoding, p.ESMClass, want.DataCoding, want.ESMClass)
				}
				if got := octets(p.ShortMessage).String(); got != want.ShortMessage.String() {
					t.Errorf("part %d:\n got %s\nwant %s", i+1, got, want.ShortMessage)
				}
				got := map[string]string{}
				for _, tlv := range p.TLVs {
					got[fmt.Sprintf("%04X", tlv.Tag)] = octets(tlv.Value).String()
				}
				if fmt.Sprint(got) != fmt.Sprint(want.TLVs) {
					t.Errorf("part %d: TLVs %v, want %v", i+1, got, want.TLVs)
				}
			}
			checkRoundTrip(t, v.text(), v.Ref, v.options())
		})
	}
}

func TestDecodeVectors(t *testing.T) {
	type vector struct {
		Name       string
		DataCoding byte
		Alphabet   Alphabet
		Octets     octets
		Text       string
		Error      string
	}
	want := map[string]error{"": nil, "damaged": ErrDamaged, "not text": ErrNotText}
	for _, v := range vectors[vector](t, "decode.json") {
		t.Run(v.Name, func(t *testing.T) {
			got, err := Decode(v.DataCoding, v.Octets, v.Alphabet)
			if got != v.Text {
				t.Errorf("got %q, want %q", got, v.Text)
			}
			if !errors.Is(err, want[v.Error]) {
				t.Errorf("error %v, want %q", err, v.Error)
			}
		})
	}
}

func TestUDHVectors(t *testing.T) {
	type vector struct {
		Name          string
		Message, Rest octets
		UDH           UDH
		Error         bool
	}
	for _, v := range vectors[vector](t, "udh.json") {
		t.Run(v.Name, func(t *testing.T) {
			u, rest, err := ParseUDH(v.Message)
			if u != v.UDH {
				t.Errorf("got %+v, want %+v", u, v.UDH)
			}
			if string(rest) != string(v.Rest) {
				t.Errorf("rest %s, want %s", octets(rest), v.Rest)
			}
			if errors.Is(err, ErrUDH) != v.Error {
				t.Errorf("error %v, want one: %t", err, v.Error)
			}
		})
	}
}

func TestSenderVectors(t *testing.T) {
	type vector struct {
		Name, From string
		TON, NPI   byte
		Addr       octets
		Error      bool
	}
	for _, v := range vectors[vector](t, "sender.json") {
		t.Run(v.Name, func(t *testing.T) {
			sender, err := SenderAddress(v.From, AlphabetGSM7)
			if v.Error {
				if !errors.Is(err, ErrSender) {
					t.Fatalf("error %v, want %v", err, ErrSender)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if sender.TON != v.TON || sender.NPI != v.NPI || sender.Addr != string(v.Addr) {
				t.Errorf("got %+v, want TON %d NPI %d %s", sender, v.TON, v.NPI, v.Addr)
			}
		})
	}
}
