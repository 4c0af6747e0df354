package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A field that POST /otp does not have changes nothing, and the answer names it; none of those that the
// document has is named.
func TestIgnoredFieldsAreNamed(t *testing.T) {
	g := newGateway(t)
	for name, test := range map[string]struct{ body, want string }{
		"mistyped":         {`{"phoneNumber":"+46701000001","templat":"x {{pin}}"}`, "templat"},
		"two":              {`{"phoneNumber":"+46701000002","Sender":1,"lifetime":60}`, "Sender, lifetime"},
		"not for a header": {`{"phoneNumber":"+46701000003","a\nb: c":1}`, "a%0Ab%3A+c"},
		"many":             {`{"phoneNumber":"+46701000004","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}`, "a, b, c, d, e, f, g, h, ..."},
		"long":             {`{"phoneNumber":"+46701000005","` + strings.Repeat("x", 500) + `":1}`, strings.Repeat("x", 64)},
		"without a name":   {`{"phoneNumber":"+46701000008","":1,"b":2}`, `"", b`},
		"a template":       {`{"phoneNumber":"+46701000006","template_fr":"Code {{pin}}"}`, ""},
		"all it has":       {everyField(t, "+46701000007"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := g.do(t, http.MethodPost, "/otp", test.body)
			if r.status != http.StatusCreated || r.header.Get("X-Ignored-Fields") != test.want {
				t.Errorf("%d, ignored %q, want %q", r.status, r.header.Get("X-Ignored-Fields"), test.want)
			}
		})
	}
}

// everyField is a request that leaves each field of the document unset, by name.
func everyField(t *testing.T, phone string) string {
	t.Helper()
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `yaml:"properties"`
			} `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(OpenAPI(), &document); err != nil {
		t.Fatal(err)
	}
	body := map[string]any{}
	for name := range document.Components.Schemas["NewOtp"].Properties {
		body[name] = nil
	}
	if len(body) < 10 {
		t.Fatalf("the document has %d fields", len(body))
	}
	body["phoneNumber"] = phone
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
