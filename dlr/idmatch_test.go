package dlr

import (
	"slices"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/queue"
)

func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		name string
		rule IDMatch
		id   string
		want []string
	}{
		{"exact", Exact, "00AB", []string{"ab"}},
		{"auto, hexadecimal", Auto, "1A2B", []string{"1a2b", "6699"}},
		{"auto, decimal", Auto, "6699", []string{"6699", "1a2b", "26265"}},
		{"auto, leading zeros", Auto, "0006699", []string{"6699", "1a2b", "26265"}},
		{"auto, 0x", Auto, "0x1A2B", []string{"1a2b", "6699"}},
		{"auto, UUID", Auto, "6F9619FF-8B86-D011-B42D-00C04FC964FF", []string{"6f9619ff8b86d011b42d00c04fc964ff", "148323679367508813469570288303664096511"}},
		{"auto, letters keep their case", Auto, "zQ9", []string{"zQ9", "ZQ9", "zq9"}},
		{"auto, small number", Auto, "7", []string{"7"}},
		{"auto, zero", Auto, "000", []string{"0"}},
		{"auto, 20 digits", Auto, "18446744073709551616", []string{"18446744073709551616", "10000000000000000", "114598615266301018707478"}},
		{"hex-dec, decimal", HexDec, "6699", []string{"1a2b"}},
		{"hex-dec, no decimal", HexDec, "1A2B", []string{"1a2b"}},
		{"dec-hex, hexadecimal", DecHex, "1A2B", []string{"6699"}},
		{"dec-hex, no hexadecimal", DecHex, "xyz", []string{"xyz"}},
		{"blanks and NUL", Auto, " xyz\x00", []string{"xyz", "XYZ"}},
		{"empty", Auto, "\x00 ", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for k := range candidates(c.rule, c.id) {
				got = append(got, k.form)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{"", "a", "0", "a.b", "*", ">", "\x00\xff", "ÄÖ", "00AB", "0x", strings.Repeat("9", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		for _, k := range slices.AppendSeq(slices.Collect(candidates(Auto, id)), candidates(HexDec, id)) {
			key := keyOf("li.nk", k.form)
			if strings.Trim(key, "=-_.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" ||
				strings.Count(key, ".") != 1 || strings.HasSuffix(key, ".") || len(key) > 500 {
				t.Fatalf("key %q of id %q", key, id)
			}
		}
		if id != "" && id != "a" && token(id) == token("a") {
			t.Fatalf("%q and a have one token", id)
		}
		if len(id) <= maxKeyPart && token(id) != queue.Token(id) && id != "" {
			t.Fatalf("token of %q", id)
		}
	})
}

func TestCompareAddresses(t *testing.T) {
	for _, c := range []struct {
		name        string
		destination string
		addresses   []string
		want        proof
	}{
		{"the same", "+491711234567", []string{"491711234567"}, proven},
		{"national form", "+491711234567", []string{"01711234567"}, proven},
		{"not swapped", "+491711234567", []string{"Verify", "491711234567"}, proven},
		{"another number", "+491711234567", []string{"491711234568"}, disproven},
		{"not swapped, the sender a number", "+491711234567", []string{"49800123456", "491711234567"}, proven},
		{"masked", "+491711234567", []string{"49171****"}, noProof},
		{"masked, the sender a number", "+491711234567", []string{"49171****", "49800123456"}, noProof},
		{"none", "+491711234567", nil, noProof},
		{"short code only", "+491711234567", []string{"4567"}, noProof},
		{"destination not stored", "", []string{"491711234567"}, noProof},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stored{Address: tail(c.destination), Sender: tail("+49800123456")}
			if got := s.compare(c.addresses); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestEvidenceOfAReceipt(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{"491711234567", "Verify", []string{"11234567"}},
		{"Verify", "491711234567", []string{"11234567"}}, // not swapped
		{"491711234567", "447700900123", []string{"11234567", "00900123"}},
		{"", "447700900123", nil}, // an account of the carrier's, for all receipts
		{"", "", nil},
	} {
		if got := evidence(c.from, c.to); !slices.Equal(got, c.want) {
			t.Errorf("from %q to %q: %q, want %q", c.from, c.to, got, c.want)
		}
	}
}
