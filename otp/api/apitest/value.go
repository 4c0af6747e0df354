package apitest

import (
	"encoding/json"
	"iter"
	"maps"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

func mapKeys(m map[string]any) iter.Seq[string] { return maps.Keys(m) }

// value makes a value that a schema takes, as far as type, enum, const, range, length and pattern tell.
func (g *Generator) value(schema any) any {
	s, _ := g.d.resolve(schema, "")
	if c, ok := s["const"]; ok {
		return c
	}
	if list, ok := s["enum"].([]any); ok && len(list) > 0 {
		return oneOf(g, list...)
	}
	if list, ok := s["examples"].([]any); ok && len(list) > 0 && g.chance(70) {
		return oneOf(g, list...)
	}
	kind, _ := s["type"].(string)
	if kinds, ok := s["type"].([]any); ok && len(kinds) > 0 {
		kind, _ = oneOf(g, kinds...).(string)
	}
	switch kind {
	case "object":
		return g.object(s)
	case "array":
		return []any{g.value(s["items"])}
	case "integer", "number":
		return json.Number(strconv.Itoa(g.integer(s)))
	case "boolean":
		return g.chance(50)
	case "null":
		return nil
	}
	return g.string(s)
}

func (g *Generator) object(s map[string]any) map[string]any {
	m := make(map[string]any)
	required, _ := s["required"].([]any)
	properties := object(s["properties"])
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(required, any(name)) || g.chance(25) {
			m[name] = g.value(properties[name])
		}
	}
	for pattern, schema := range object(s["patternProperties"]) {
		if g.chance(20) {
			m[compilePattern(pattern).generate(g.Rand)] = g.value(schema)
		}
	}
	return m
}

// integer is often at an end of the range.
func (g *Generator) integer(s map[string]any) int {
	low, high := bound(s["minimum"], 0), bound(s["maximum"], 1_000_000)
	switch {
	case g.chance(20):
		return low
	case g.chance(20):
		return high
	}
	return low + g.IntN(high-low+1)
}

func bound(v any, otherwise int) int {
	if n, ok := v.(json.Number); ok {
		if i, err := strconv.Atoi(n.String()); err == nil {
			return i
		}
	}
	return otherwise
}

func (g *Generator) string(s map[string]any) string {
	if s["minimum"] != nil { // a number that may be sent as a string
		return strconv.Itoa(g.integer(s))
	}
	if p, ok := s["pattern"].(string); ok {
		return compilePattern(p).generate(g.Rand)
	}
	low := bound(s["minLength"], 0)
	high := max(low, min(bound(s["maxLength"], 40), 300))
	var b strings.Builder
	for range low + g.IntN(high-low+1) {
		b.WriteByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[g.IntN(62)])
	}
	return b.String()
}

// texts are strings that have broken programs.
var texts = []string{
	"", " ", "\x00", "null", "undefined", "0", "-1", "1e9", "NaN", "true", "+", "+0", "00000000", "{{pin}}", "{{pin", "<script>", "' OR 1=1--", "../../etc/passwd",
	"%s%n", "\u202e", "👩‍👩‍👧‍👦", "İstanbul", "ﷺ", "\ufeff", "é́́́", "\r\nX: y", "http://127.0.0.1/", "http://[::1]:1/", "https://a@b/", "file:///x", "//x", "http://",
	"bf325375-e030-4ccb-a009-17317c574773", "BF325375-E030-4CCB-A009-17317C574773", "{bf325375-e030-4ccb-a009-17317c574773}", "00000000-0000-0000-0000-000000000000",
	"+999999999999999", "+4670000000", "070", "tel:+46700000001", "٠١٢٣٤٥", "*", ">", "a.b", "$KV.otp.x", "\t",
}

func (g *Generator) text() string {
	switch {
	case g.chance(5):
		return strings.Repeat(oneOf(g, texts...)+"x", 1+g.IntN(900))
	case g.chance(10):
		return oneOf(g, texts...) + oneOf(g, texts...)
	}
	return oneOf(g, texts...)
}

// odd is a value that is probably wrong where it is put.
func (g *Generator) odd() any {
	switch g.IntN(9) {
	case 0:
		return nil
	case 1:
		return g.chance(50)
	case 2, 3:
		return json.RawMessage(oneOf(g, "0", "-1", "1.5", "1e400", "-0", "59", "1801", "11", "3", "9223372036854775808", "0.1e1", "1E2", `"\ud83d"`, `"\u0000"`))
	case 4:
		return []any{g.text()}
	case 5:
		return map[string]any{g.text(): g.text()}
	case 6:
		return strconv.Itoa(g.IntN(4000) - 1000)
	}
	return g.text()
}

// pattern makes strings that a regular expression takes.
type pattern struct{ re *syntax.Regexp }

var uuidPattern = compilePattern("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")

func compilePattern(expression string) pattern {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		panic(err) // the document is checked, and ours
	}
	return pattern{re}
}

// most is how often something without an upper bound is repeated.
const most = 12

func (p pattern) generate(r *rand.Rand) string {
	var b strings.Builder
	p.write(&b, r, p.re)
	return b.String()
}

func (p pattern) write(b *strings.Builder, r *rand.Rand, re *syntax.Regexp) {
	times := func(low, high int) {
		if high < 0 {
			high = max(low, most)
		}
		for range low + r.IntN(high-low+1) {
			p.write(b, r, re.Sub[0])
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		i := 2 * r.IntN(len(re.Rune)/2)
		b.WriteRune(re.Rune[i] + r.Int32N(re.Rune[i+1]-re.Rune[i]+1))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte(byte('a' + r.IntN(26)))
	case syntax.OpStar:
		times(0, -1)
	case syntax.OpPlus:
		times(1, -1)
	case syntax.OpQuest:
		times(0, 1)
	case syntax.OpRepeat:
		times(re.Min, re.Max)
	case syntax.OpAlternate:
		p.write(b, r, re.Sub[r.IntN(len(re.Sub))])
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			p.write(b, r, sub)
		}
	}
}
