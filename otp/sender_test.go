package otp

import "testing"

// TestSenderIsJudgedByTheRule: this package knows the API's bounds, in characters as they are sent; the rest
// is the rule's.
func TestSenderIsJudgedByTheRule(t *testing.T) {
	refusesAll := SenderRule(func(string) string { return "is refused" })
	for _, test := range []struct {
		sender string
		rule   SenderRule
		want   string
	}{
		{"", nil, "is not 3 to 15 characters long"},
		{"Ab", refusesAll, "is not 3 to 15 characters long"},
		{"1234567890123456", refusesAll, "is not 3 to 15 characters long"},
		{"e\u0301e\u0301", nil, "is not 3 to 15 characters long"},
		{"123456789012345", nil, ""},
		{"Abc", nil, ""},
		{"Abc", refusesAll, "is refused"},
	} {
		if got := test.rule.Problem(test.sender); got != test.want {
			t.Errorf("%q: %q, want %q", test.sender, got, test.want)
		}
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
