package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/link"
)

// TestWeights: a weight is one among the links of its priority; where one of them has a weight, the others
// have 1.
func TestWeights(t *testing.T) {
	c := mustLoad(t, with("OTPGW_LINKS=tele,b,c,d", "OTPGW_ROUTE_DEFAULT_LINKS= d:1 , b:0 , tele : 0 * 3, c:1",
		"OTPGW_LINK_B_ADDR=h:1", "OTPGW_LINK_B_SYSTEM_ID=x", "OTPGW_LINK_C_ADDR=h:1", "OTPGW_LINK_C_SYSTEM_ID=y", "OTPGW_LINK_D_ADDR=h:1", "OTPGW_LINK_D_SYSTEM_ID=z"))
	want := []RouteLink{{"b", 0, 1}, {"tele", 0, 3}, {"d", 1, 0}, {"c", 1, 0}}
	if got := c.Routes[0].Links; !slices.Equal(got, want) {
		t.Errorf("links %+v, want %+v", got, want)
	}
	if got := c.Links[0].Routes[0]; got != (link.Route{Name: "default", Weight: 3}) {
		t.Errorf("the link has %+v", got)
	}
	if printed := c.String(); !strings.Contains(printed, "\nOTPGW_ROUTE_DEFAULT_LINKS=b:0*1,tele:0*3,d:1,c:1\n") {
		t.Errorf("printed:\n%s", printed)
	}
}
