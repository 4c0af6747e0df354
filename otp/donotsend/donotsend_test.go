package donotsend_test

import (
	"strings"
	"testing"

	"github.com/otpgw/otpgw/otp/donotsend"
	"github.com/otpgw/otpgw/queue/queuetest"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]donotsend.Entry{
		"+46 70 123 45 67": "+46701234567", " +4670* ": "+4670*", "+46 (70) 1*": "+46701*", "882*": "+882*",
		"*": "", "+*": "", "+0*": "", "+46x*": "", "12": "", "": "", "+1234567890123456*": "",
	} {
		got, err := donotsend.Parse(in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

// TestFileAndStore: a number is on the list by itself or by a prefix, of the file or of the store.
func TestFileAndStore(t *testing.T) {
	t.Parallel()
	file, err := donotsend.Read(strings.NewReader("# premium\n+882*\n\n+46701234567 # the office\n"))
	if err != nil {
		t.Fatal(err)
	}
	l := &donotsend.List{Bucket: queuetest.Open(t).DoNotSend(), File: func() donotsend.Set { return file }}
	expect := func(want string) {
		t.Helper()
		var got []string
		for _, n := range []string{"+46701234567", "+46701234568", "+88216123456", "+359888123456", "+359888123457"} {
			has, err := l.Has(n)
			if err != nil {
				t.Fatal(err)
			}
			if has {
				got = append(got, n)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("on the list: %s, want %s", s, want)
		}
	}
	expect("+46701234567 +88216123456")
	for _, e := range []donotsend.Entry{"+35988812345*", "+46701234568"} {
		if err := l.Add(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	expect("+46701234567 +46701234568 +88216123456 +359888123456 +359888123457")
	items, err := l.Items(t.Context())
	if err != nil || len(items) != 4 || items[0].Entry != "+35988812345*" || items[0].From != "store" || items[0].Since == "" || items[3].From != "file" {
		t.Errorf("items %+v, %v", items, err)
	}
	if err := l.Remove(t.Context(), "+35988812345*"); err != nil {
		t.Fatal(err)
	}
	expect("+46701234567 +46701234568 +88216123456")
	if _, err := donotsend.Read(strings.NewReader("+882*\nnobody\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a line that is none: %v", err)
	}
}

func BenchmarkHas(b *testing.B) {
	for name, entries := range map[string][]donotsend.Entry{"empty": nil, "one of each": {"+359888*", "+882*"}} {
		l := &donotsend.List{Bucket: queuetest.Open(b).DoNotSend(), File: func() donotsend.Set { return nil }}
		if len(entries) > 0 {
			if err := l.Add(b.Context(), entries[0]); err != nil {
				b.Fatal(err)
			}
			l.File = func() donotsend.Set { return donotsend.Set{entries[1]: {}} }
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if has, err := l.Has("+46701234567"); has || err != nil {
					b.Fatal(has, err)
				}
			}
		})
	}
}
