package config

import (
	"slices"
	"strings"
	"testing"
)

func TestCORSOrigins(t *testing.T) {
	if got := mustLoad(t, small()).CORSOrigins; len(got) != 0 {
		t.Errorf("by default %q", got)
	}
	c := mustLoad(t, with("OTPGW_CORS_ORIGINS=https://Shop.example, http://localhost:3000,http://[::1]:8000"))
	if want := []string{"https://shop.example", "http://localhost:3000", "http://[::1]:8000"}; !slices.Equal(c.CORSOrigins, want) {
		t.Errorf("%q, want %q", c.CORSOrigins, want)
	}
	for value, says := range map[string]string{
		"*":                        "name the origins",
		"https://*.shop.example":   "like https://shop.example",
		"shop.example":             "an origin",
		"https://shop.example/":    "nothing behind",
		"https://shop.example/a":   "an origin",
		"https://u:p@shop.example": "an origin",
		"ftp://shop.example":       "an origin",
		"https://":                 "an origin",
		"null":                     "an origin",
		"https://shop.example:443": "write https://shop.example",
		"http://shop.example:80":   "write http://shop.example",
		"https://a.example,":       "extra comma",
	} {
		_, err := loadMap(with("OTPGW_CORS_ORIGINS=" + value))
		if err == nil || !strings.Contains(err.Error(), "OTPGW_CORS_ORIGINS") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", value, err)
		}
	}
}
