// Package apitest holds the API to its own description: it checks answers against an OpenAPI 3.1 document,
// and makes requests from one.
//
//	openapi.yaml -> Load -> Document.Check    every answer of every test
//	                     -> Document.Generator -> requests, sound and broken
//
// Checking is stricter than the document. To clients it says that new keys may come; here an object with a
// key that the document does not name fails, so that no field, status or code is answered that is not written
// down.
package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// methods are the keys of a path item that are operations.
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// Document is a loaded OpenAPI document. It may be used by many goroutines.
type Document struct {
	root     map[string]any // as written
	paths    []string
	compiler *jsonschema.Compiler

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema // by JSON pointer
}

// resource is the name that the strict document has in the compiler.
const resource = "urn:openapi"

// Load reads a document and checks it as OpenAPI 3.1, its examples too.
func Load(doc []byte) (*Document, error) {
	spec, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		return nil, fmt.Errorf("apitest: %w", err)
	}
	if err := spec.Validate(context.Background(), openapi3.IsOpenAPI31OrLater(), openapi3.EnableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("apitest: %w", err)
	}
	var tree any
	if err := yaml.Unmarshal(doc, &tree); err != nil {
		return nil, fmt.Errorf("apitest: %w", err)
	}
	root, err := asJSON(tree)
	if err != nil {
		return nil, err
	}
	closed, err := asJSON(tree)
	if err != nil {
		return nil, err
	}
	closeObjects(closed)
	d := &Document{root: root, paths: slices.Sorted(maps.Keys(object(root["paths"]))), compiler: jsonschema.NewCompiler(), compiled: make(map[string]*jsonschema.Schema)}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	return d, d.compiler.AddResource(resource, closed)
}

// asJSON gives a tree of its own, in the types that the schema compiler wants.
func asJSON(tree any) (map[string]any, error) {
	data, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("apitest: %w", err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("apitest: %w", err)
	}
	root, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("apitest: the document is no object")
	}
	return root, nil
}

// closeObjects makes every schema of an object refuse keys that it does not list.
func closeObjects(node any) {
	switch n := node.(type) {
	case map[string]any:
		_, lists := n["properties"].(map[string]any)
		if _, says := n["additionalProperties"]; n["type"] == "object" && lists && !says {
			n["additionalProperties"] = false
		}
		for _, child := range n {
			closeObjects(child)
		}
	case []any:
		for _, child := range n {
			closeObjects(child)
		}
	}
}

// schema compiles what is at a pointer, once.
func (d *Document) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.compiled[pointer]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile(resource + "#" + pointer)
	if err != nil {
		return nil, fmt.Errorf("apitest: %s: %w", pointer, err)
	}
	d.compiled[pointer] = s
	return s, nil
}

// Operations lists what the document promises, as "POST /otp/{otpId}".
func (d *Document) Operations() []string {
	var list []string
	for _, p := range d.paths {
		for _, m := range methods {
			if _, ok := d.item(p)[m]; ok {
				list = append(list, strings.ToUpper(m)+" "+p)
			}
		}
	}
	return list
}

func (d *Document) item(path string) map[string]any { return object(object(d.root["paths"])[path]) }

// Root is the document as decoded JSON. It is not to be changed.
func (d *Document) Root() map[string]any { return d.root }

// resolve follows a $ref within the document, and returns where it ended.
func (d *Document) resolve(node any, pointer string) (map[string]any, string) {
	m := object(node)
	for range 10 {
		ref, ok := m["$ref"].(string)
		if !ok {
			return m, pointer
		}
		pointer = strings.TrimPrefix(ref, "#")
		var at any = d.root
		for _, step := range strings.Split(pointer, "/")[1:] {
			at = object(at)[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
		}
		m = object(at)
	}
	return m, pointer
}

// object is v when it is one, else nil, which reads as an empty one.
func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// escape makes a step of a JSON pointer.
func escape(step string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(step) }
