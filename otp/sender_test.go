package otp

import "testing"

func TestValidSender(t *testing.T) {
	tests := []struct {
		name, sender string
		want         bool
	}{
		{"name", "Verify", true},
		{"name with space and sign", "My Bank+", true},
		{"eleven", "Abcdefghijk", true},
		{"twelve", "Abcdefghijkl", false},
		{"national letters of GSM", "Ärzte-Ø", true},
		{"extension counts two", "[abcdefghi]", false},
		{"extension that fits", "[abcdefg]", true},
		{"two characters", "Ab", false},
		{"sixteen digits", "1234567890123456", false},
		{"fifteen digits", "123456789012345", true},
		{"twelve digits", "123456789012", true},
		{"short code", "12345", true},
		{"short code with a zero", "01234", true},
		{"long number with a zero", "0123456789", false},
		{"plus number", "+33612345678", true},
		{"plus short code", "+12345", false},
		{"plus zero", "+0612345678", false},
		{"NUL", "Veri\x00fy", false},
		{"line break", "Veri\nfy", false},
		{"at sign", "me@here", false},
		{"only spaces", "    ", false},
		{"emoji", "Bank\U0001F510", false},
		{"Cyrillic", "Банк", false},
		{"replacement character", "Ban\uFFFD", false},
		{"empty", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ValidSender(test.sender); got != test.want {
				t.Errorf("%q: %v", test.sender, got)
			}
		})
	}
}

func TestSenderApproved(t *testing.T) {
	app := testApp()
	for asked, want := range map[string]string{"Other": "Other", "Verify": "Verify", "Stranger": "Verify", "other": "Verify"} {
		if got := app.sender(asked, "SE"); got != want {
			t.Errorf("%s: %s", asked, got)
		}
	}
}
