package country

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/phone"
)

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

// TestTable: each line is of a country, once, in order, with a source and days that are days.
func TestTable(t *testing.T) {
	var seen []string
	for _, r := range Rules() {
		if !phone.IsCountry(r.Country) || slices.Contains(seen, r.Country) {
			t.Errorf("%s is no country, or is there twice", r.Country)
		}
		seen = append(seen, r.Country)
		if !strings.HasPrefix(r.Source, "https://") || r.Names == Free {
			t.Errorf("%s has no source, or no rule", r.Country)
		}
		if _, err := time.Parse(time.DateOnly, r.Read); err != nil {
			t.Errorf("%s: read on %q", r.Country, r.Read)
		}
		if _, err := time.Parse(time.DateOnly, r.Since); r.Since != "" && err != nil {
			t.Errorf("%s: since %q", r.Country, r.Since)
		}
	}
	if !slices.IsSorted(seen) {
		t.Error("the table is not in order")
	}
}

// TestReadme: the table that people read is the one the gateway works by. OTPGW_TEST_UPDATE=1 writes it anew.
func TestReadme(t *testing.T) {
	content, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := writeTable(&table); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(content), table.String()) {
		return
	}
	head, _, ok := strings.Cut(string(content), "| country |")
	if os.Getenv("OTPGW_TEST_UPDATE") == "" || !ok {
		t.Fatal("README.md has an old table; OTPGW_TEST_UPDATE=1 go test -run TestReadme ./otp/country writes it anew")
	}
	if err := os.WriteFile("README.md", []byte(head+table.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSender(t *testing.T) {
	for _, test := range []struct {
		country, sender, on string
		refused             bool
		says                string // "": nothing
	}{
		{"US", "MyShop", "2026-01-01", true, "US takes no names"},
		{"CA", "MyShop", "2026-01-01", true, "CA takes no names"},
		{"US", "12025550123", "2026-01-01", false, ""},
		{"US", "+12025550123", "2026-01-01", false, ""},
		{"US", "12345", "2026-01-01", false, ""},
		{"AU", "MyShop", "2026-06-30", false, "in AU a name has to be registered from 2026-07-01"},
		{"AU", "MyShop", "2026-07-01", false, `since 2026-07-01; else it is shown as "Unverified"`},
		{"AU", "61400000000", "2026-07-01", false, ""},
		{"SA", "966500000000", "2026-07-01", true, "SA takes no numbers"},
		{"SA", "MyShop", "2026-07-01", false, "registered"},
		{"IN", "MyShops", "2026-07-01", false, "a header of 6 letters"},
		{"IN", "MYSHOP", "2026-07-01", false, "entity, header, template and chain"},
		{"MX", "MyShop", "2026-07-01", false, "replaced"},
		{"SE", "MyShop", "2026-07-01", false, ""},
	} {
		f, ok := Of(test.country).Sender(test.sender, day(test.on))
		if ok != (test.says != "") || f.Refused != test.refused || !strings.Contains(f.Text, test.says) {
			t.Errorf("%s in %s on %s: %+v, %v; want %q, refused %v", test.sender, test.country, test.on, f, ok, test.says, test.refused)
		}
	}
}

func TestTemplateMatch(t *testing.T) {
	for _, test := range []struct {
		template, text string
		want           bool
	}{
		{"Your code is {#var#}. -SHOP", "Your code is 123456. -SHOP", true},
		{"Your code is {#var#}. -SHOP", "Your code is 123456 . -SHOPS", false},
		{"Your code is {#var#}. -SHOP", "Your Code is 123456. -SHOP", false},
		{"Your code is {#var#}", "Your code is " + strings.Repeat("1", 31), false},
		{"Your code is {#numeric#}", "Your code is 123456", true},
		{"Your code is {#numeric#}", "Your code is 12345A", false},
		{"{#alphanumeric#} is your code (a+b)", "AB12 is your code (a+b)", true},
		{"आपका कोड {#var#} है", "आपका कोड 123456 है", true},
		{"Code {#var#}{#var#}", "Code " + strings.Repeat("1", 60), true},
	} {
		tpl, err := ParseTemplate(test.template)
		if err != nil {
			t.Fatal(err)
		}
		if got := tpl.Match(test.text); got != test.want {
			t.Errorf("%q of %q: %v", test.text, test.template, got)
		}
	}
	if _, err := ParseTemplate("Your code is {{pin}}"); err == nil {
		t.Error("a template without a variable is taken")
	}
}

// TestDLTAdvice: each code of the range has advice, and no other.
func TestDLTAdvice(t *testing.T) {
	for code := 590; code < 710; code++ {
		if got := DLTAdvice(code); (got != "") != (code >= 600 && code <= 699) {
			t.Errorf("%d: %q", code, got)
		}
	}
	if !strings.Contains(DLTAdvice(633), "DLT_TEXT") || !strings.Contains(DLTAdvice(614), "DLT_CHAIN") {
		t.Error("the advice names no variable")
	}
}

// writeTable writes the table for README.md.
func writeTable(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| country | names | since | what else | source, read on |\n|---|---|---|---|---|\n")
	for _, r := range rules {
		var more []string
		for _, s := range []string{r.Else, r.FormIs} {
			if s != "" {
				more = append(more, s)
			}
		}
		if !r.Numbers {
			more = append(more, "numbers are refused")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s, %s |\n", r.Country, r.Names, r.Since, strings.Join(more, "; "), r.Source, r.Read)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
