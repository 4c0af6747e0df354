package apitest

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Request is a made-up request.
type Request struct {
	Operation string // as Document.Operations has it; "" for none of them
	Method    string
	Path      string // escaped
	Header    http.Header
	Body      []byte
}

// Known is what makes requests meaningful. More may be added while requests are made, such as ids that
// answers had.
type Known struct {
	mu     sync.Mutex
	Good   []http.Header       // credentials of the API
	Client []http.Header       // credentials of operations with HTTP Basic
	Values map[string][]string // of path parameters and form fields, by name
}

// maxKnown bounds what is kept of a value; older ones are replaced.
const maxKnown = 200

// Add notes a value.
func (k *Known) Add(name, value string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.Values[name]
	if len(list) >= maxKnown {
		list[rand.IntN(maxKnown)] = value
		return
	}
	k.Values[name] = append(list, value)
}

func (k *Known) pick(r *rand.Rand, name string) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.Values[name]
	if len(list) == 0 {
		return "", false
	}
	return list[r.IntN(len(list))], true
}

// Generator makes requests of a document: about half of them sound, the others broken in one way or more. The
// same seed makes the same requests as long as nothing is added to what is known.
type Generator struct {
	d          *Document
	known      *Known
	operations []string
	*rand.Rand
}

// Generator makes a generator. One is for one goroutine.
func (d *Document) Generator(seed uint64, known *Known) *Generator {
	g := &Generator{d: d, known: known, Rand: rand.New(rand.NewPCG(seed, 0))}
	for _, op := range d.Operations() {
		for range d.weight(op) {
			g.operations = append(g.operations, op)
		}
	}
	return g
}

// weight is how often an operation comes: what creates often, and what takes away seldom, or there is nothing
// to work on.
func (d *Document) weight(operation string) int {
	method, path, _ := strings.Cut(operation, " ")
	responses := object(object(d.item(path)[strings.ToLower(method)])["responses"])
	switch {
	case responses["201"] != nil:
		return 12
	case method == http.MethodDelete:
		return 1
	}
	return 3
}

// chance is true n times of a hundred.
func (g *Generator) chance(n int) bool { return g.IntN(100) < n }

func oneOf[T any](g *Generator, list ...T) T { return list[g.IntN(len(list))] }

// Next makes a request.
func (g *Generator) Next() Request {
	r := Request{Operation: oneOf(g, g.operations...), Header: make(http.Header)}
	var template string
	r.Method, template, _ = strings.Cut(r.Operation, " ")
	operation := object(g.d.item(template)[strings.ToLower(r.Method)])
	r.Path = g.path(template)
	g.authorize(&r, operation)
	g.headers(&r, operation)
	g.body(&r, operation)
	if g.chance(3) {
		r.Operation, r.Method = "", oneOf(g, "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW", "get")
	}
	if g.chance(2) {
		r.Operation, r.Path = "", r.Path+oneOf(g, "/", "//", "/x", "/../otp", "%20", "/%2e%2e", ";x=1", "/resend", "%00")
	}
	return r
}

func (g *Generator) path(template string) string {
	steps := strings.Split(template, "/")
	for i, step := range steps {
		if !strings.HasPrefix(step, "{") {
			continue
		}
		value, ok := g.known.pick(g.Rand, strings.Trim(step, "{}"))
		switch {
		case g.chance(15):
			value = g.text()
		case !ok || g.chance(10):
			value = uuidPattern.generate(g.Rand)
		case g.chance(5):
			value = strings.ToUpper(value)
		}
		steps[i] = url.PathEscape(value)
	}
	return strings.Join(steps, "/")
}

// authorize gives most requests good credentials.
func (g *Generator) authorize(r *Request, operation map[string]any) {
	good := g.known.Good
	if needs, ok := operation["security"].([]any); ok && len(needs) > 0 && object(needs[0])["Basic"] != nil {
		good = g.known.Client
	}
	if g.chance(94) {
		for name, values := range oneOf(g, good...) {
			r.Header[name] = slices.Clone(values)
		}
		return
	}
	switch g.IntN(4) {
	case 0:
		r.Header.Set("X-API-KEY", printable(g.text()))
	case 1:
		r.Header.Set("Authorization", oneOf(g, "Bearer ", "Basic ", "bearer", "Digest ")+printable(g.text()))
	case 2:
		r.Header.Set("Authorization", "Basic "+oneOf(g, "Og==", "!!", "ZGVtbzp4", "eA=="))
	}
}

// printable keeps what a header may hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0xff {
			return -1
		}
		return r
	}, s[:min(len(s), 2000)])
}

func (g *Generator) headers(r *Request, operation map[string]any) {
	parameters, _ := operation["parameters"].([]any)
	for _, p := range parameters {
		p, _ := g.d.resolve(p, "")
		if p["in"] != "header" || g.chance(70) {
			continue
		}
		name, _ := p["name"].(string)
		value, known := g.known.pick(g.Rand, name)
		if !known || g.chance(60) {
			value, _ = g.value(p["schema"]).(string)
			g.known.Add(name, value)
		}
		if g.chance(10) {
			value = g.text()
		}
		r.Header.Set(name, printable(value))
	}
	if g.chance(5) {
		r.Header.Set(oneOf(g, "X-Request-Id", "Accept", "Origin", "X-Forwarded-For", "Accept-Language"), printable(g.text()))
	}
	if g.chance(1) {
		r.Header.Set("Content-Encoding", oneOf(g, "gzip", "identity", "br"))
	}
}

func (g *Generator) body(r *Request, operation map[string]any) {
	request, _ := g.d.resolve(operation["requestBody"], "")
	content := object(request["content"])
	media := "application/json"
	for m := range content {
		media = m
	}
	switch {
	case len(content) == 0:
		if g.chance(10) {
			r.Body = g.junk()
		}
	case g.chance(5):
		r.Body = g.junk()
	case media == "application/json":
		r.Body = g.json(object(content[media])["schema"])
	default:
		r.Body = g.form(object(content[media])["schema"])
	}
	if len(content) > 0 || len(r.Body) > 0 {
		r.Header.Set("Content-Type", media)
		if g.chance(4) {
			r.Header.Set("Content-Type", oneOf(g, "", "text/plain", "application/json; charset=latin1", "application/xml", "multipart/form-data; boundary=x", ";"))
		}
	}
}

// json makes a body by the schema, and spoils half of them.
func (g *Generator) json(schema any) []byte {
	v := g.value(schema)
	if m, ok := v.(map[string]any); ok && g.chance(50) {
		for range 1 + g.IntN(3) {
			g.spoil(m)
		}
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // made of what json can write
	}
	if g.chance(2) && len(data) > 1 {
		data = data[:g.IntN(len(data))]
	}
	return data
}

// spoil breaks one property of an object, takes it away, or adds one.
func (g *Generator) spoil(m map[string]any) {
	names := slices.Sorted(mapKeys(m))
	if len(names) == 0 || g.chance(10) {
		m[oneOf(g, "template_", "template_xx", "template_fr", "__proto__", "pin", "PHONENUMBER", g.text())] = g.odd()
		return
	}
	name := names[g.IntN(len(names))]
	if g.chance(15) {
		delete(m, name)
		return
	}
	m[name] = g.odd()
}

func (g *Generator) form(schema any) []byte {
	form := make(url.Values)
	m, _ := g.value(schema).(map[string]any)
	for _, name := range slices.Sorted(mapKeys(m)) {
		value, _ := m[name].(string)
		if known, ok := g.known.pick(g.Rand, name); ok && g.chance(80) {
			value = known
		}
		if strings.HasPrefix(name, "client_") && g.chance(95) {
			continue // a second way to authenticate
		}
		if g.chance(15) {
			value = g.text()
		}
		if g.chance(95) {
			form.Add(name, value)
		}
		if g.chance(3) {
			form.Add(name, value)
		}
	}
	return []byte(form.Encode())
}

// junk is a body of no schema.
func (g *Generator) junk() []byte {
	switch g.IntN(4) {
	case 0:
		return []byte(g.text())
	case 1:
		b := make([]byte, g.IntN(300))
		for i := range b {
			b[i] = byte(g.IntN(256))
		}
		return b
	case 2:
		return []byte(strings.Repeat(oneOf(g, "[", `{"a":`, " ", "\x00"), oneOf(g, 10, 20000, 70000)))
	}
	data, _ := json.Marshal(g.odd()) // made of what json can write
	return data
}
