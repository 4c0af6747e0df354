package config

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/smpp/link"
)

func TestParseTLVs(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []link.TLV // nil: a fault
	}{
		{"text and hex", `0x1400="text",0x1401=68aF`, []link.TLV{{Tag: 0x1400, Value: []byte("text")}, {Tag: 0x1401, Value: []byte{0x68, 0xAF}}}},
		{"decimal tag, spaces", ` 5120 = "a b" , 0X1401 = 00 `, []link.TLV{{Tag: 0x1400, Value: []byte("a b")}, {Tag: 0x1401, Value: []byte{0}}}},
		{"commas and quotes in a text", `0x1400="a,\"b\"=\\"`, []link.TLV{{Tag: 0x1400, Value: []byte(`a,"b"=\`)}}},
		{"empty text", `0x130C=""`, []link.TLV{{Tag: 0x130C, Value: []byte{}}}},
		{"no value", `0x1400=`, nil},
		{"half a byte", `0x1400=abc`, nil},
		{"open quote", `0x1400="abc`, nil},
		{"wrong escape", `0x1400="a\n"`, nil},
		{"ends in a backslash", `0x1400="a\`, nil},
		{"not ASCII", `0x1400="é"`, nil},
		{"behind the quote", `0x1400="a"b`, nil},
		{"comma at the end", `0x1400="a",`, nil},
		{"comma only", `,`, nil},
		{"tag 0", `0=00`, nil},
		{"tag too big", `0x10000=00`, nil},
		{"tag twice", `0x1400=00,5120=01`, nil},
		{"tag of ours", `0x0424="text"`, nil},
		{"too long", `0x1400="` + strings.Repeat("x", 256) + `"`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseTLVs(test.text)
			if (err == nil) != (test.want != nil) || !sameTLVs(got, test.want) {
				t.Errorf("%v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func sameTLVs(a, b []link.TLV) bool {
	return slices.EqualFunc(a, b, func(a, b link.TLV) bool { return a.Tag == b.Tag && bytes.Equal(a.Value, b.Value) })
}

// FuzzTLVs: what is taken can be printed and read back, and holds to the limits.
func FuzzTLVs(f *testing.F) {
	for _, seed := range []string{`0x1400="text",0x1401=6869`, `5120="a,\"b\\",0x1401=00`, `0x130C=""`, `0x1400="`, `,`, `=`, `1="\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tlvs, err := parseTLVs(text)
		if err != nil {
			if tlvs != nil || strings.Contains(oneLine("%v", []any{err}), "\n") {
				t.Fatalf("%v with %v", tlvs, err)
			}
			return
		}
		for i, tlv := range tlvs {
			if tlv.Tag == 0 || len(tlv.Value) > tlvValueMax || slices.Contains(ownTLVs, tlv.Tag) {
				t.Fatalf("element %d is %v", i+1, tlv)
			}
		}
		again, err := parseTLVs(formatTLVs(tlvs))
		if err != nil || !sameTLVs(tlvs, again) {
			t.Fatalf("%v is printed as %s and read as %v, %v", tlvs, formatTLVs(tlvs), again, err)
		}
	})
}

// FuzzNames: names that are taken are sound, have variables of their own, and a list of nothing else is
// taken as it was printed.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"shop", "shop, bank", "a-b,a_b", "A,a", "a,,b", ",", "é", "a\x00b", strings.Repeat("x", 33), "ı,i"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := new(report)
		list := &value{scope: scope{out: out}, name: "OTPGW_APPS", text: text}
		names := list.names(appGroup)
		prefixes := make(map[string]bool)
		for _, name := range names {
			prefix := prefixOf(name)
			if !nameForm.MatchString(name) || prefixes[prefix] || strings.Trim(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
				t.Fatalf("%q gives %q with the prefix %s", text, name, prefix)
			}
			prefixes[prefix] = true
		}
		for _, fault := range out.faults {
			if strings.ContainsAny(fault.String(), "\r\n") {
				t.Fatalf("a fault of several lines: %q", fault)
			}
		}
		if len(out.faults) > 0 {
			return
		}
		printed := list.text
		if again := list.names(appGroup); !slices.Equal(names, again) || printed != list.text || len(out.faults) > 0 {
			t.Fatalf("%q is printed as %q and read as %q", names, printed, again)
		}
	})
}

// FuzzAbuse: limits, test numbers and prices are taken or refused, never both, and a PIN is in no fault.
// Limits that are taken can be printed and read back.
func FuzzAbuse(f *testing.F) {
	for _, seed := range []string{"5/10m,10/24h", "off", "1/1s", "5/", "/5", "1/1h,1/1h", "+46700000000:123456", "+46700000000:1234567890,+46700000001:ABCD", "46,0.04\n+47,1", "prefix,price\n1,NaN"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read := func(text string, do func(*value)) (printed, fault string) {
			v := &value{scope: scope{"X_", new(report)}, name: "X_Y", text: text}
			do(v)
			if err := v.out.err(); err != nil {
				fault = err.Error()
			}
			return v.text, fault
		}
		var limits, again limit.Limits
		printed, fault := read(text, func(v *value) { limits = v.limits() })
		if fault == "" && limits != nil {
			if _, fault = read(printed, func(v *value) { again = v.limits() }); !slices.Equal(limits, again) || fault != "" {
				t.Errorf("%v is printed as %q and read as %v (%s)", limits, printed, again, fault)
			}
		}
		var numbers map[string]string
		_, fault = read(text, func(v *value) { numbers = v.testNumbers() })
		for number, code := range numbers {
			if !pin.ValidTest(code) || strings.Contains(strings.ReplaceAll(fault, "+46700000000:123456", ""), code) {
				t.Errorf("%s with %q: %s", number, code, fault)
			}
		}
		var prices Prices
		read(text, func(v *value) { prices = v.pricesOf(text) })
		for k, price := range prices.by {
			if got := prices.Of("+"+k.prefix, k.network); got != price || price < 0 {
				t.Errorf("%v costs %v, not %v", k, got, price)
			}
		}
	})
}
