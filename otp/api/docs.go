package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"strings"
	"sync"
)

//go:embed docs.html
var docsTemplate string

//go:embed docs.css
var docsStyle string

// docsPolicy lets the page load nothing at all, and style itself with the one sheet that is in it. Its icon
// is an empty data URL, so that browsers do not ask for one.
var docsPolicy = func() string {
	sum := sha256.Sum256([]byte(docsStyle))
	return "default-src 'none'; img-src data:; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// docsPage renders the document for readers, at its first request. What it is made of is in the program, and
// a test renders it, so it cannot fail here.
var docsPage = sync.OnceValue(func() []byte {
	page, err := readDocs(openAPI)
	if err != nil {
		panic(err)
	}
	t := template.Must(template.New("docs").Funcs(template.FuncMap{
		"prose": prose, "inline": inline, "lower": strings.ToLower, "style": func() template.CSS { return template.CSS(docsStyle) },
	}).Parse(docsTemplate))
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		panic(err)
	}
	return b.Bytes()
})

// prose makes paragraphs of a description.
func prose(text string) template.HTML {
	var b strings.Builder
	for p := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if p != "" {
			b.WriteString("<p>" + string(inline(p)) + "</p>\n")
		}
	}
	return template.HTML(b.String())
}

// inline escapes a text, and sets what is between backquotes as code.
func inline(text string) template.HTML {
	var b strings.Builder
	for i, piece := range strings.Split(strings.TrimSpace(text), "`") {
		escaped := template.HTMLEscapeString(piece)
		if i%2 == 1 {
			escaped = "<code>" + escaped + "</code>"
		}
		b.WriteString(escaped)
	}
	return template.HTML(b.String())
}
