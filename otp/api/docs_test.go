package api

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func getPage(t *testing.T, g *gateway, method, path string) (*http.Response, string) {
	t.Helper()
	req, _ := http.NewRequest(method, g.url+path, nil)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestOpenAPIServed(t *testing.T) {
	g := newGateway(t)
	resp, body := getPage(t, g, "GET", "/openapi.yaml")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/yaml" || body != string(OpenAPI()) {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if resp, body := getPage(t, g, "HEAD", "/docs"); resp.StatusCode != 200 || body != "" {
		t.Errorf("HEAD: %d", resp.StatusCode)
	}
	if resp, body := getPage(t, g, "POST", "/docs"); resp.StatusCode != 405 || !strings.Contains(body, `"code":1005`) || resp.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("POST: %d %s", resp.StatusCode, body)
	}
}

// elsewhere is what makes a browser fetch something: links are not among it.
var elsewhere = regexp.MustCompile(`(?i)<(script|img|iframe|object|embed)|@import|url\(|src=|<link[^>]*href="[^d]`)

// TestDocsPage: it has all of the document, is sound HTML as far as its tags go, and loads nothing.
func TestDocsPage(t *testing.T) {
	g := newGateway(t)
	resp, page := getPage(t, g, "GET", "/docs")
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if found := elsewhere.FindString(page); found != "" {
		t.Errorf("the page loads something: %s", found)
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("the template refused a value")
	}
	model, err := readDocs(OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	if len(model.Operations) != len(loadDocument(t).Operations()) || len(model.Webhooks) != 6 {
		t.Errorf("%d operations, %d callbacks", len(model.Operations), len(model.Webhooks))
	}
	for _, o := range append(model.Operations, model.Webhooks...) {
		if o.Summary == "" || len(o.Responses) == 0 || !strings.Contains(page, `<section class="op" id="`+o.ID+`">`) {
			t.Errorf("%s %s: %+v", o.Method, o.Path, o)
		}
	}
	for _, f := range descriptions(model) {
		if strings.Count(f, "`")%2 != 0 || strings.Contains(f, "\"") {
			t.Errorf("a description is cut off: %s", f)
		}
	}
	for _, s := range model.Schemas {
		if !strings.Contains(page, `id="schema-`+s.Name+`"`) {
			t.Errorf("no schema %s", s.Name)
		}
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `id="`+m[1]+`"`) {
			t.Errorf("a link to #%s leads nowhere", m[1])
		}
	}
	for _, tag := range []string{"section", "dl", "div", "details", "table", "main", "small", "code"} {
		if opened, closed := len(regexp.MustCompile(`<`+tag+`[ >]`).FindAllString(page, -1)), strings.Count(page, "</"+tag+">"); opened != closed {
			t.Errorf("<%s> %d times, closed %d times", tag, opened, closed)
		}
	}
	if !strings.Contains(page, "template_[A-Za-z]{2,3}") || !strings.Contains(page, `&#34;otpId&#34;: &#34;bf325375`) {
		t.Error("no pattern property, or no example")
	}
}

// descriptions are all the page's texts: YAML ends one at " #".
func descriptions(d *docs) []string {
	list := []string{d.Summary, d.Description}
	for _, o := range append(d.Operations, d.Webhooks...) {
		list = append(list, o.Summary, o.Description)
		for _, r := range o.Responses {
			list = append(list, r.Description)
		}
		for _, p := range o.Parameters {
			list = append(list, p.Description)
		}
	}
	for _, s := range d.Schemas {
		list = append(list, s.Description)
		for _, f := range s.Fields {
			list = append(list, f.Description)
		}
	}
	return list
}
