package api

import (
	"strings"
	"testing"
)

// TestNumberIsOneHoweverSpelt: the limit of a number counts it in every spelling, of today's plan and of the
// one before.
func TestNumberIsOneHoweverSpelt(t *testing.T) {
	g := newGateway(t)
	for _, spellings := range [][]string{
		{"+52 55 1234 5678", "+52 1 55 1234 5678", "\u202a+52 (55) 1234\u20115678\u202c"},
		{"+225 0707123456", "+225 07 12 34 56", "\uff0b\u0662\u0662\u0665 0707123456"},
		{"+33612345678", "\ufeff+33 6 12 34 56 78", "+33(0)6\u200b12345678"},
	} {
		var numbers []string
		for i, number := range spellings {
			r := g.do(t, "POST", "/otp", `{"phoneNumber":"`+number+`"}`, "X-API-KEY", thirdKey)
			if i == 2 { // two an hour
				wantError(t, number, r, 429, 1008, "rate_limit")
				continue
			}
			if r.status != 201 {
				t.Fatalf("%q: %d %s", number, r.status, r.text)
			}
			numbers = append(numbers, r.string("phoneNumber"))
		}
		if numbers[0] != numbers[1] {
			t.Errorf("%v are two numbers", numbers)
		}
	}
}

// TestGuessAsTyped: what is no PIN at all costs no attempt; what is one counts as one, on any keyboard.
func TestGuessAsTyped(t *testing.T) {
	g := newGateway(t)
	id := g.create(t, french)
	pin := g.pin(t)
	for _, nothing := range []string{"", "  ", "\u200e", "\ufeff\u200b", "-", "\u2013 .", "\u201c\u201d", "***", "\U0001F600"} {
		wantError(t, nothing, g.do(t, "POST", "/otp/"+id, `{"pin":"`+nothing+`"}`), 400, 2022, "invalid_param")
	}
	wantError(t, "wrong", g.do(t, "POST", "/otp/"+id, `{"pin":"`+wrong(pin)+`"}`), 400, 2029, "invalid_pin")
	if r := g.do(t, "GET", "/otp/"+id, ""); r.body["attempts"] != 1.0 {
		t.Errorf("attempts %v, want 1", r.body["attempts"])
	}
	arabic := strings.Map(func(r rune) rune { return r - '0' + 0x0660 }, pin)
	if r := g.do(t, "POST", "/otp/"+id, `{"pin":"\u200e`+arabic+`\u200f"}`); r.status != 200 {
		t.Errorf("in Arabic digits: %s", r.text)
	}
	for _, join := range []string{" ", "-", "\u00a0", "\u2013", "."} {
		id := g.create(t, french)
		pin := g.pin(t)
		if r := g.do(t, "POST", "/otp/"+id, `{"pin":"`+pin[:3]+join+pin[3:]+`"}`); r.status != 200 {
			t.Errorf("grouped by %q: %s", join, r.text)
		}
	}
}

// TestTemplateByTag: the nearest of several regions is sent, and told.
func TestTemplateByTag(t *testing.T) {
	g := newGateway(t)
	body := `,"template":"plain is {{pin}}","template_pt_PT":"PT is {{ pin }}","template_pt-BR":"BR is {{pin }}"}`
	for number, want := range map[string]any{"+5511987654321": "pt-BR", "+351912345678": "pt-PT", "+244923123456": "pt-PT", "+33612345678": nil} {
		r := g.do(t, "POST", "/otp", `{"phoneNumber":"`+number+`"`+body)
		if r.status != 201 || r.body["language"] != want {
			t.Errorf("%s: %d, language %v, want %v", number, r.status, r.body["language"], want)
		}
		if pin := g.pin(t); len(pin) != 6 {
			t.Errorf("%s: the text does not end in a PIN", number)
		}
	}
	for _, name := range []string{"template_english", "template_", "template_xx", "template_pt_", "template_419_pt", "template_und"} {
		wantError(t, name, g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","`+name+`":"is {{pin}}"}`), 400, 2006, "invalid_param")
	}
}
