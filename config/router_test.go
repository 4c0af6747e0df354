package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/otp"
)

// routes is a configuration of two applications and two carriers with these routes.
func routes(changes ...string) map[string]string {
	return with(append([]string{
		"OTPGW_APPS=shop,bank", "OTPGW_APP_SHOP_SENDERS=Shop,Brand", "OTPGW_APP_BANK_SENDERS=Bank,Brand,4670000", "OTPGW_APP_BANK_API_KEYS=bank-key-of-more-than-twenty",
		"OTPGW_LINKS=tele,b", "OTPGW_LINK_B_ADDR=h:1", "OTPGW_LINK_B_SYSTEM_ID=x",
	}, changes...)...)
}

// TestRouter: the sender says most, then the application, then the network, then the prefix; a sender that
// any route names is refused elsewhere.
func TestRouter(t *testing.T) {
	c := mustLoad(t, routes(
		"OTPGW_ROUTES=rest,nordic,bank,brand,brandse,net,mcc",
		"OTPGW_ROUTE_REST_LINKS=tele",
		"OTPGW_ROUTE_NORDIC_LINKS=b", "OTPGW_ROUTE_NORDIC_PREFIXES=46,47",
		"OTPGW_ROUTE_BANK_LINKS=tele", "OTPGW_ROUTE_BANK_APPS=bank", "OTPGW_ROUTE_BANK_PREFIXES=46,44",
		"OTPGW_ROUTE_BRAND_LINKS=tele", "OTPGW_ROUTE_BRAND_SENDERS=Brand,+4670000", "OTPGW_ROUTE_BRAND_PREFIXES=4,5",
		"OTPGW_ROUTE_BRANDSE_LINKS=b", "OTPGW_ROUTE_BRANDSE_SENDERS=Brand", "OTPGW_ROUTE_BRANDSE_PREFIXES=46", "OTPGW_ROUTE_BRANDSE_APPS=shop",
		"OTPGW_ROUTE_NET_LINKS=b", "OTPGW_ROUTE_NET_NETWORKS=240-07",
		"OTPGW_ROUTE_MCC_LINKS=b", "OTPGW_ROUTE_MCC_NETWORKS=240",
	))
	for _, test := range []struct {
		name string
		t    otp.Traffic
		want string // "": refused
	}{
		{"the rest", otp.Traffic{App: "shop", From: "Shop", To: "+359881"}, "rest"},
		{"by prefix", otp.Traffic{App: "shop", From: "Shop", To: "+46700"}, "nordic"},
		{"an application before a prefix", otp.Traffic{App: "bank", From: "Bank", To: "+46700"}, "bank"},
		{"an application's numbers only", otp.Traffic{App: "bank", From: "Bank", To: "+47900"}, "nordic"},
		{"a sender before an application", otp.Traffic{App: "bank", From: "Brand", To: "+44770"}, "brand"},
		{"a sender and an application before a sender", otp.Traffic{App: "shop", From: "Brand", To: "+46700"}, "brandse"},
		{"a sender's other route", otp.Traffic{App: "shop", From: "Brand", To: "+47900"}, "brand"},
		{"a sender where no route of its goes", otp.Traffic{App: "shop", From: "Brand", To: "+359881"}, ""},
		{"a number as a sender, without its +", otp.Traffic{App: "bank", From: "4670000", To: "+359881"}, ""},
		{"a network before a prefix", otp.Traffic{App: "shop", From: "Shop", To: "+46700", Network: "24007"}, "net"},
		{"another network of the country", otp.Traffic{App: "shop", From: "Shop", To: "+46700", Network: "24001"}, "mcc"},
		{"an application before a network", otp.Traffic{App: "bank", From: "Bank", To: "+46700", Network: "24007"}, "bank"},
		{"a wanted route", otp.Traffic{App: "shop", From: "Shop", To: "+46700", Wanted: "rest"}, "rest"},
		{"a wanted route for a sender that is registered elsewhere", otp.Traffic{App: "shop", From: "Brand", To: "+46700", Wanted: "rest"}, "brandse"},
		{"a wanted route of registered senders only", otp.Traffic{App: "shop", From: "Shop", To: "+46700", Wanted: "brand"}, "nordic"},
		{"a wanted route that there is not", otp.Traffic{App: "shop", From: "Shop", To: "+46700", Wanted: "gone"}, "nordic"},
	} {
		route, err := c.Route(test.t)
		if route != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %q, %v; want %q", test.name, route, err, test.want)
		}
		var e *otp.Error
		if err != nil && (!errors.As(err, &e) || e.Code != otp.CodeNoCoverage || !strings.Contains(e.Message, test.t.From)) {
			t.Errorf("%s: the error is %v", test.name, err)
		}
	}
	var table strings.Builder
	if err := c.Routing(&table); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(table.String()), "\n")
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if squeeze(lines[1]) != "# 4670000 * * 4 brand tele:0" || squeeze(lines[3]) != "# Brand shop * 46 brandse b:0" || squeeze(lines[len(lines)-1]) != "# * * * * rest tele:0" {
		t.Errorf("the table is\n%s", table.String())
	}
}

// TestUnreachedRoutes: what can never match is told, and nothing else.
func TestUnreachedRoutes(t *testing.T) {
	for _, test := range []struct {
		name, change, variable, says string // says "": no warning
	}{
		{"sound", "OTPGW_ROUTES=a,b|OTPGW_ROUTE_A_LINKS=tele|OTPGW_ROUTE_B_LINKS=b|OTPGW_ROUTE_B_SENDERS=Brand", "", ""},
		{"behind the applications", "OTPGW_ROUTES=a,b|OTPGW_ROUTE_A_LINKS=tele|OTPGW_ROUTE_A_APPS=shop,bank|OTPGW_ROUTE_B_LINKS=b|OTPGW_ROUTE_B_PREFIXES=46", "OTPGW_ROUTE_B_PREFIXES", "the prefix 46 can never match: for every application and sender the routes a come first"},
		{"one of its applications has other routes", "OTPGW_ROUTES=a,b|OTPGW_ROUTE_A_LINKS=tele|OTPGW_ROUTE_A_APPS=shop|OTPGW_ROUTE_B_LINKS=b|OTPGW_ROUTE_B_PREFIXES=46", "", ""},
		{"a sender of nobody", "OTPGW_ROUTES=default,b|OTPGW_ROUTE_B_LINKS=b|OTPGW_ROUTE_B_SENDERS=Nobody,Brand", "OTPGW_ROUTE_B_SENDERS", "no application has the sender Nobody"},
		{"a sender of another application", "OTPGW_ROUTES=default,b|OTPGW_ROUTE_B_LINKS=b|OTPGW_ROUTE_B_SENDERS=Bank,Brand|OTPGW_ROUTE_B_APPS=shop|OTPGW_APP_SHOP_SENDERS=Shop", "OTPGW_ROUTE_B_SENDERS", "no application of shop has the sender Bank"},
		{"a sender that is kept from the rest", "OTPGW_ROUTES=default,b|OTPGW_ROUTE_B_LINKS=b|OTPGW_ROUTE_B_SENDERS=Brand|OTPGW_ROUTE_B_PREFIXES=65", "OTPGW_ROUTE_B_SENDERS", "the sender Brand is refused for numbers outside 65"},
		{"networks that nobody tells", "OTPGW_ROUTES=default,b|OTPGW_ROUTE_B_LINKS=b|OTPGW_ROUTE_B_NETWORKS=24007", "OTPGW_ROUTE_B_NETWORKS", "OTPGW_LOOKUP_URL is not set"},
		{"networks that somebody tells", "OTPGW_LOOKUP_URL=http://10.0.0.1/|OTPGW_ROUTES=default,b|OTPGW_ROUTE_B_LINKS=b|OTPGW_ROUTE_B_NETWORKS=24007", "", ""},
		{"a prefix of no country", "OTPGW_ROUTES=default,b|OTPGW_ROUTE_B_LINKS=b|OTPGW_ROUTE_B_PREFIXES=999,2,35988", "OTPGW_ROUTE_B_PREFIXES", "the prefix 999 can never match: no country code begins so"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := mustLoad(t, routes(strings.Split(test.change, "|")...))
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
