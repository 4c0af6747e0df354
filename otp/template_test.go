package otp

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/smpp/text"
)

func vectors[T any](t *testing.T, file string) (list []T) {
	t.Helper()
	data, err := os.ReadFile("../testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no vectors")
	}
	return list
}

func TestTemplateByDestination(t *testing.T) {
	type row struct{ Name, PhoneNumber, CountryISO, Template, Language string }
	for _, v := range vectors[row](t, "templates/destinations.json") {
		t.Run(v.Name, func(t *testing.T) {
			request := map[string]string{"phoneNumber": v.PhoneNumber}
			for _, f := range []string{"template", "template_fr", "template_de", "template_es", "template_it", "template_bg"} {
				request[f] = f + " {{pin}}"
			}
			body, _ := json.Marshal(request)
			n, err := ParseNewOtp(body, testApp(), text.SenderProblem, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n.Template != v.Template+" {{pin}}" || n.Language != v.Language || n.Phone.Country != v.CountryISO {
				t.Errorf("%q, language %q, country %q", n.Template, n.Language, n.Phone.Country)
			}
		})
	}
}

func TestTemplatePrecedence(t *testing.T) {
	type row struct {
		Name, PhoneNumber, Sent, Language string
		Request, App                      map[string]string
	}
	for _, v := range vectors[row](t, "templates/precedence.json") {
		t.Run(v.Name, func(t *testing.T) {
			request := map[string]string{"phoneNumber": "+33612345678"}
			if v.PhoneNumber != "" {
				request["phoneNumber"] = v.PhoneNumber
			}
			for lang, text := range v.Request {
				name := "template"
				if lang != "" {
					name += "_" + lang
				}
				request[name] = text + " {{pin}}"
			}
			app := testApp()
			app.Template, app.Templates = v.App[""]+" {{pin}}", map[string]string{}
			for lang, text := range v.App {
				if lang != "" {
					app.Templates[lang] = text + " {{pin}}"
				}
			}
			body, _ := json.Marshal(request)
			n, err := ParseNewOtp(body, app, text.SenderProblem, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n.Template != v.Sent+" {{pin}}" || n.Language != v.Language {
				t.Errorf("%q, language %q", n.Template, n.Language)
			}
		})
	}
}

func TestRender(t *testing.T) {
	n := NewOtp{Template: "{{pin}}: {{ pin }} {{name}} {{pin\u00a0}} {{PIN}} { {pin}}"}
	if got := n.Render("otp_1", "1234"); got != "1234: 1234 {{name}} 1234 {{PIN}} { {pin}}" {
		t.Error(got)
	}
}

// TestLanguageOfEveryCountry: CLDR has a language for every country that has phones.
func TestLanguageOfEveryCountry(t *testing.T) {
	for _, c := range phone.Countries() {
		if _, ok := languageOf(c); !ok {
			t.Errorf("%s has no language", c)
		}
	}
	for _, c := range []string{phone.NoCountry, "", "001", "AQ", "??"} {
		if l, ok := languageOf(c); ok {
			t.Errorf("%q has language %s", c, l)
		}
	}
}

// The labels and the PIN's place as an expression.
var (
	label       = regexp.MustCompile(`\{\{[ \t\x{A0}]*([A-Za-z][A-Za-z0-9_]{0,31})[ \t\x{A0}]*\}\}`)
	placeholder = regexp.MustCompile(`\{\{[ \t\x{A0}]*pin[ \t\x{A0}]*\}\}`)
)

// FuzzLabels: the labels of a text are what the expression finds.
func FuzzLabels(f *testing.F) {
	for _, s := range []string{"{{pin}}", "a {{ pin\t}}b{{\u00a0ref }}{{x", "{{{pin}}}", "{{{{pin}}{{}}{{1}}{{_a}}{{a_1}}", "{{pin }", "{{\xa0pin}}", "{{p\u00efn}}",
		"{{" + strings.Repeat("a", 32) + "}}", "{{" + strings.Repeat("a", 33) + "}}{{pin}}", "{{pin{{pin}}", "{{a b}}", "{{@}}{{`}}{{[}}{{{}}", "{{\u00c2}}{{a\u00a0\u00c2}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want, got []string
		for _, m := range label.FindAllStringSubmatchIndex(text, -1) {
			want = append(want, fmt.Sprint(m[0], m[1], text[m[2]:m[3]]))
		}
		for at := 0; ; {
			begin, end, name := nextLabel(text[at:])
			if name == "" {
				break
			}
			got = append(got, fmt.Sprint(at+begin, at+end, name))
			at += end
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if has := hasLabel(text, pinLabel); has != placeholder.MatchString(text) {
			t.Errorf("%q has a place for the PIN: %t", text, has)
		}
	})
}
