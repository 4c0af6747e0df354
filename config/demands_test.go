package config

import (
	"strings"
	"testing"

	"github.com/otpgw/otpgw/otp"
)

// TestPolicyNIST: 10 minutes, 20 bits; the length that nobody chose is the least that has them.
func TestPolicyNIST(t *testing.T) {
	for _, test := range []struct {
		change string
		length int
	}{
		{"", 7}, {"OTPGW_APP_SHOP_PIN_LENGTH=8", 8}, {"OTPGW_APP_SHOP_PIN_TYPE=letters", 6}, {"OTPGW_APP_SHOP_PIN_TYPE=alphanumeric|OTPGW_APP_SHOP_PIN_LENGTH=5", 5},
	} {
		c := mustLoad(t, with(append([]string{"OTPGW_APP_SHOP_POLICY=nist"}, nonEmpty(test.change)...)...))
		if c.Apps[0].PINLength != test.length || c.Apps[0].Policy != otp.PolicyNIST {
			t.Errorf("%s: %d, %s", test.change, c.Apps[0].PINLength, c.Apps[0].Policy)
		}
	}
	if printed := mustLoad(t, with("OTPGW_APP_SHOP_POLICY=nist")).String(); !strings.Contains(printed, "OTPGW_APP_SHOP_PIN_LENGTH=7\n") {
		t.Error("what is printed is not in force")
	}
}

func nonEmpty(changes string) []string {
	if changes == "" {
		return nil
	}
	return strings.Split(changes, "|")
}

// TestDemandWarnings: a sender that the country of a route does not deliver, and texts that are not the
// registered ones, are told.
func TestDemandWarnings(t *testing.T) {
	const india = "OTPGW_APP_SHOP_DLT_ENTITY=1101172974420810001|OTPGW_APP_SHOP_DLT_TEMPLATE=1107161951486743588|"
	for _, test := range []struct {
		name, change, variable, says string // says "": no warning
	}{
		{"Canada by a route", "OTPGW_ROUTES=default,ca|OTPGW_ROUTE_CA_PREFIXES=1416|OTPGW_ROUTE_CA_LINKS=tele", "OTPGW_APP_SHOP_SENDERS_CA", "CA takes no names"},
		{"the USA by the guard", "OTPGW_APP_SHOP_GUARD=enforce|OTPGW_APP_SHOP_GUARD_COUNTRIES=US,SE", "OTPGW_APP_SHOP_SENDERS_US", "US takes no names"},
		{"with a number", "OTPGW_ROUTES=default,ca|OTPGW_ROUTE_CA_PREFIXES=1416|OTPGW_ROUTE_CA_LINKS=tele|OTPGW_APP_SHOP_SENDERS_CA=14165550123", "", ""},
		{"off", "OTPGW_ROUTES=default,ca|OTPGW_ROUTE_CA_PREFIXES=1416|OTPGW_ROUTE_CA_LINKS=tele|OTPGW_APP_SHOP_SENDER_RULES=off", "", ""},
		{"another country", "OTPGW_ROUTES=default,se|OTPGW_ROUTE_SE_PREFIXES=46|OTPGW_ROUTE_SE_LINKS=tele", "", ""},
		{"the registered text", india + "OTPGW_APP_SHOP_TEMPLATE=Your code is {{pin}}. -SHOP|OTPGW_APP_SHOP_DLT_TEXT=Your code is {#numeric#}. -SHOP", "", ""},
		{"another text", india + "OTPGW_APP_SHOP_TEMPLATE=Your code is {{pin}} -SHOP|OTPGW_APP_SHOP_DLT_TEXT=Your code is {#numeric#}. -SHOP", "OTPGW_APP_SHOP_DLT_TEXT", "is not the text of the template"},
		{"another text in Hindi", india + "OTPGW_APP_SHOP_TEMPLATE_HI=आपका कोड {{pin}}|OTPGW_APP_SHOP_DLT_TEXT_HI=आपका कोड {#var#} है", "OTPGW_APP_SHOP_DLT_TEXT_HI", "is not the text of the template"},
		{"a template without an entity", "OTPGW_APP_SHOP_DLT_TEMPLATE=1107161951486743588", "OTPGW_APP_SHOP_DLT_ENTITY", "0x1400"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := mustLoad(t, with(strings.Split(test.change, "|")...))
			found := test.says == "" && len(c.Warnings) == 0
			for _, w := range c.Warnings {
				found = found || test.says != "" && w.Variable == test.variable && strings.Contains(w.Text, test.says)
			}
			if !found {
				t.Errorf("warnings: %v", c.Warnings)
			}
		})
	}
}
