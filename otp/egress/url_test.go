package egress

import (
	"net/http"
	"strings"
	"testing"
)

// TestURLEncoded: what stands in a URL raw is encoded, so that the request line is one.
func TestURLEncoded(t *testing.T) {
	for raw, want := range map[string]string{
		"https://a.example/x?y=z":          "https://a.example/x?y=z",
		"https://a.example/x?user=Ann Lee": "https://a.example/x?user=Ann%20Lee",
		"https://a.example?user=Ann Lee":   "https://a.example?user=Ann%20Lee",
		"https://a.example/x?n=Zoë":        "https://a.example/x?n=Zo%C3%AB",
		"https://a.example/путь":           "https://a.example/%D0%BF%D1%83%D1%82%D1%8C",
		`https://a.example/?q="a"&r=<b>`:   "https://a.example/?q=%22a%22&r=%3Cb%3E",
		"https://a.example/?q={a}|b^c`\\":  "https://a.example/?q=%7Ba%7D%7Cb%5Ec%60%5C",
		"https://a.example/?q='a'":         "https://a.example/?q='a'",
		"https://a.example/?q=%20a+b":      "https://a.example/?q=%20a+b",
		"https://a.example/?u=http://b c/": "https://a.example/?u=http://b%20c/",
		" https://a.example/x\n":           "https://a.example/x",
		"https://b\u00fccher.example/a b":  "https://b\u00fccher.example/a%20b",
		"https://my_service:8080/x":        "https://my_service:8080/x",
		"https://xn--bcher-kva.example/":   "https://xn--bcher-kva.example/",
		"https://a.example./":              "https://a.example./",
		"https://3com.example/":            "https://3com.example/",
		"https://a.0xe/":                   "",
	} {
		got, err := URL(raw, nil)
		if got != want && want != "" || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", raw, got, err, want)
			continue
		}
		if want == "" {
			continue
		}
		req, err := http.NewRequest("POST", got, nil)
		if err != nil {
			t.Errorf("%q: %v", raw, err)
			continue
		}
		var b strings.Builder
		if err := req.Write(&b); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
		line, _, _ := strings.Cut(b.String(), "\r\n")
		if len(strings.Fields(line)) != 3 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' || r == '"' }) {
			t.Errorf("%q: request line %q", raw, line)
		}
	}
}

// TestURLHost: hosts that are none, and addresses in forms that programs read differently.
func TestURLHost(t *testing.T) {
	for _, host := range []string{"a..b", ".a.com", "a.com..", ".", "-a.com", "a-.com", "a.-b.com", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1",
		"1.2.3.256", "1.2.3.4.5", "a.1", "\uff11\uff12\uff17.1", "a b", "a_b!", "a%20b", "[::1", "[1.2.3.4]x", "*.example", strings.Repeat("a", 64) + ".example",
		strings.Repeat("a.", 130) + "example", "a\u3002\u3002b", "ex\u200bample\u2028.com", "a,b", "%31%32%37.1", "127.0.0.1"} {
		if _, err := URL("http://"+host+"/", nil); err == nil {
			t.Errorf("%q is a host", host)
		}
	}
}
