package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// docs is what the page shows, in the document's own order.
type docs struct {
	Title, Summary, Description string
	Security                    []docsField
	Operations, Webhooks        []docsOperation
	Schemas                     []docsSchema
	Errors                      []docsError
}

// docsOperation is one method of one path, or one webhook.
type docsOperation struct {
	Method, Path, ID, Summary, Description string
	Parameters                             []docsField
	Body                                   *docsBody
	Responses                              []docsResponse
}

type docsResponse struct {
	Status, Description string
	Codes               string // of errors
	Headers             []string
	Body                *docsBody
}

// docsBody names the schema of a body and shows an example.
type docsBody struct {
	Schema, Media, Example string
}

type docsSchema struct {
	Name, Description, Type string
	Fields                  []docsField
}

type docsField struct {
	Name, Type, Rules, Description string
	Link                           string // a schema of the page
	Required                       bool
}

type docsError struct {
	Code   int    `yaml:"code"`
	Status int    `yaml:"status"`
	Type   string `yaml:"type"`
	When   string `yaml:"when"`
}

// docsReader walks the document.
type docsReader struct{ root *yaml.Node }

func readDocs(doc []byte) (*docs, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(doc, &node); err != nil || len(node.Content) != 1 {
		return nil, fmt.Errorf("api: the OpenAPI document cannot be read: %w", err)
	}
	r := docsReader{node.Content[0]}
	info := r.at(r.root, "info")
	d := &docs{Title: text(r.at(info, "title")), Summary: text(r.at(info, "summary")), Description: text(r.at(info, "description"))}
	if err := r.at(r.root, "x-errors").Decode(&d.Errors); err != nil {
		return nil, fmt.Errorf("api: x-errors: %w", err)
	}
	for name, s := range r.pairs(r.at(r.root, "components", "securitySchemes")) {
		d.Security = append(d.Security, docsField{Name: name, Type: text(r.at(s, "type")), Rules: text(r.at(s, "scheme")) + text(r.at(s, "name")), Description: text(r.at(s, "description"))})
	}
	for path, item := range r.pairs(r.at(r.root, "paths")) {
		d.Operations = append(d.Operations, r.operations(path, item)...)
	}
	for name, item := range r.pairs(r.at(r.root, "webhooks")) {
		d.Webhooks = append(d.Webhooks, r.operations(name, item)...)
	}
	for name, s := range r.pairs(r.at(r.root, "components", "schemas")) {
		d.Schemas = append(d.Schemas, r.schema(name, s))
	}
	return d, nil
}

// deref follows aliases and references; the second result is the name of the component that a reference
// named.
func (r docsReader) deref(n *yaml.Node) (*yaml.Node, string) {
	name := ""
	for range 10 {
		if n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		ref := find(n, "$ref")
		if ref == nil {
			break
		}
		n = r.root
		for _, step := range strings.Split(ref.Value, "/")[1:] {
			n, name = find(n, step), step
		}
	}
	return n, name
}

func find(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// at goes down a path of keys; an empty node where there is nothing.
func (r docsReader) at(n *yaml.Node, keys ...string) *yaml.Node {
	n, _ = r.deref(n)
	for _, k := range keys {
		n, _ = r.deref(find(n, k))
	}
	if n == nil {
		return &yaml.Node{Kind: yaml.SequenceNode}
	}
	return n
}

// pairs ranges over a mapping in its order; references among its values stay.
func (r docsReader) pairs(n *yaml.Node) func(func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

func text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

func (r docsReader) operations(path string, item *yaml.Node) []docsOperation {
	var list []docsOperation
	shared := r.parameters(r.at(item, "parameters"))
	for method, op := range r.pairs(item) {
		id := text(r.at(op, "operationId"))
		if id == "" {
			continue // parameters of the whole path
		}
		o := docsOperation{Method: strings.ToUpper(method), Path: path, ID: id, Summary: text(r.at(op, "summary")), Description: text(r.at(op, "description"))}
		o.Parameters = append(append(o.Parameters, shared...), r.parameters(r.at(op, "parameters"))...)
		o.Body = r.body(r.at(op, "requestBody", "content"))
		for status, response := range r.pairs(r.at(op, "responses")) {
			o.Responses = append(o.Responses, r.response(status, response))
		}
		list = append(list, o)
	}
	return list
}

func (r docsReader) parameters(list *yaml.Node) []docsField {
	var fields []docsField
	for _, p := range list.Content {
		f := r.field(text(r.at(p, "name")), find(r.at(p), "schema"), text(r.at(p, "required")) == "true")
		f.Description = text(r.at(p, "description"))
		f.Type = text(r.at(p, "in")) + ", " + f.Type
		fields = append(fields, f)
	}
	return fields
}

func (r docsReader) response(status string, response *yaml.Node) docsResponse {
	out := docsResponse{Status: status, Description: text(r.at(response, "description")), Body: r.body(r.at(response, "content"))}
	for name := range r.pairs(r.at(response, "headers")) {
		out.Headers = append(out.Headers, name)
	}
	code := r.at(response, "content", "application/json", "schema", "properties", "error", "properties", "code")
	out.Codes = text(r.at(code, "const"))
	if codes := r.values(r.at(code, "enum")); len(codes) > 0 {
		out.Codes = strings.Join(codes, ", ")
	}
	return out
}

func (r docsReader) body(content *yaml.Node) *docsBody {
	for media, node := range r.pairs(content) {
		b := &docsBody{Media: media}
		schema, name := r.deref(find(node, "schema"))
		if name == "" {
			for _, of := range r.at(schema, "allOf").Content {
				_, name = r.deref(of)
			}
		}
		b.Schema = name
		if example, _ := r.deref(find(node, "example")); example != nil {
			b.Example = text(example)
			if media == "application/json" {
				var s strings.Builder
				r.writeJSON(&s, example, "\n")
				b.Example = s.String()
			}
		}
		return b
	}
	return nil
}

func (r docsReader) schema(name string, node *yaml.Node) docsSchema {
	f := r.field(name, node, false)
	s := docsSchema{Name: name, Description: text(r.at(node, "description")), Type: strings.TrimSpace(f.Type + " " + f.Rules)}
	s.Fields = r.fields("", node)
	return s
}

// fields lists the properties of an object, and those of objects within it as outer.inner.
func (r docsReader) fields(prefix string, node *yaml.Node) []docsField {
	var list []docsField
	required := r.values(r.at(node, "required"))
	for _, group := range []string{"properties", "patternProperties"} {
		for name, schema := range r.pairs(r.at(node, group)) {
			f := r.field(prefix+strings.Trim(name, "^$"), schema, slices.Contains(required, name))
			list = append(list, f)
			if f.Link == "" {
				list = append(list, r.fields(prefix+name+".", r.at(schema))...)
				list = append(list, r.fields(prefix+name+"[].", r.at(schema, "items"))...)
			}
		}
	}
	return list
}

func (r docsReader) field(name string, schema *yaml.Node, required bool) docsField {
	node, link := r.deref(schema)
	f := docsField{Name: name, Required: required, Link: link, Type: text(r.at(node, "type")), Description: text(r.at(node, "description"))}
	if types := r.values(r.at(node, "type")); len(types) > 0 {
		f.Type = strings.Join(types, " or ")
	}
	if f.Type == "array" {
		of := r.field("", find(node, "items"), false)
		f.Type, f.Link = "list of "+of.Type, of.Link
	}
	var rules []string
	if v := r.values(r.at(node, "enum")); len(v) > 0 {
		rules = append(rules, strings.Join(v, ", "))
	}
	if v := text(r.at(node, "const")); v != "" {
		rules = append(rules, "always "+v)
	}
	for _, of := range []struct{ low, high, unit string }{{"minimum", "maximum", ""}, {"minLength", "maxLength", " characters"}, {"minItems", "maxItems", " items"}} {
		low, high := text(r.at(node, of.low)), text(r.at(node, of.high))
		switch {
		case low != "" && high != "":
			rules = append(rules, low+" to "+high+of.unit)
		case low != "":
			rules = append(rules, "at least "+low+of.unit)
		case high != "":
			rules = append(rules, "at most "+high+of.unit)
		}
	}
	f.Rules = strings.Join(rules, ", ")
	return f
}

func (r docsReader) values(list *yaml.Node) []string {
	if list.Kind != yaml.SequenceNode {
		return nil
	}
	var out []string
	for _, n := range list.Content {
		out = append(out, n.Value)
	}
	return out
}

// writeJSON writes a node as JSON in the order of the document, which a Go map would lose.
func (r docsReader) writeJSON(b *strings.Builder, n *yaml.Node, indent string) {
	n, _ = r.deref(n)
	open, end := "{", "}"
	switch n.Kind {
	case yaml.SequenceNode:
		open, end = "[", "]"
	case yaml.ScalarNode:
		data := []byte(n.Value)
		if n.Tag == "!!str" || n.Tag == "!!timestamp" {
			data, _ = json.Marshal(n.Value) // a string always marshals
		}
		b.Write(data)
		return
	}
	b.WriteString(open)
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	for i := 0; i < len(n.Content); i += step {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(indent + "  ")
		if step == 2 {
			fmt.Fprintf(b, "%q: ", n.Content[i].Value)
		}
		r.writeJSON(b, n.Content[i+step-1], indent+"  ")
	}
	b.WriteString(indent + end)
}
