package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Answer is a response with the request it is to.
type Answer struct {
	Method string
	Path   string // as sent, escaped, without a query
	Status int
	Header http.Header
	Body   []byte
}

// Names of the responses that stand for the whole API: no path item lists them.
const (
	pathNotFound     = "/components/responses/PathNotFound"
	methodNotAllowed = "/components/responses/MethodNotAllowed"
)

// Check says what in an answer is not as the document has it.
func (d *Document) Check(a Answer) error {
	if err := d.check(a); err != nil {
		return fmt.Errorf("%s %.100s: %d %.300s: %w", a.Method, a.Path, a.Status, a.Body, err)
	}
	return nil
}

func (d *Document) check(a Answer) error {
	template := d.match(a.Path)
	if template == "" {
		return d.is(a, http.StatusNotFound, pathNotFound)
	}
	method := strings.ToLower(a.Method)
	operation := d.item(template)[method]
	if a.Method != strings.ToUpper(method) { // methods are case-sensitive (RFC 9110, 9.1)
		operation = nil
		method = ""
	}
	if method == "head" && operation == nil {
		method = "get"
		operation = d.item(template)[method]
	}
	if method == "options" && operation == nil {
		return nothing(a)
	}
	if operation == nil {
		return d.is(a, http.StatusMethodNotAllowed, methodNotAllowed)
	}
	pointer := "/paths/" + escape(template) + "/" + method + "/responses/" + strconv.Itoa(a.Status)
	response, listed := object(object(operation)["responses"])[strconv.Itoa(a.Status)]
	if !listed {
		return fmt.Errorf("the document has no such status")
	}
	r, pointer := d.resolve(response, pointer)
	return d.checkResponse(a, r, pointer)
}

// CheckCallback says what in the body of a callback is not as the document has it.
func (d *Document) CheckCallback(body []byte) error {
	var callback struct{ Event string }
	if err := json.Unmarshal(body, &callback); err != nil {
		return err
	}
	request := object(object(object(object(d.root["webhooks"])[callback.Event])["post"])["requestBody"])
	if request == nil {
		return fmt.Errorf("callback %.100s: the document has no such event", callback.Event)
	}
	schema, err := d.schema("/webhooks/" + escape(callback.Event) + "/post/requestBody/content/application~1json/schema")
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("callback %.500s: %w", body, err)
	}
	return nil
}

// nothing is the answer to OPTIONS: 204, or what CORS makes of it.
func nothing(a Answer) error {
	if a.Status != http.StatusNoContent || len(a.Body) != 0 || a.Header.Get("Allow") == "" {
		return fmt.Errorf("is not 204 with Allow and no body")
	}
	return nil
}

func (d *Document) is(a Answer, status int, pointer string) error {
	if a.Status != status {
		return fmt.Errorf("want %d", status)
	}
	r, pointer := d.resolve(map[string]any{"$ref": "#" + pointer}, "")
	return d.checkResponse(a, r, pointer)
}

// match finds the path of the document that a request's path is, as the gateway reads it: one slash at the
// end does not count, and a path that is not clean is none.
func (d *Document) match(escaped string) string {
	decoded, err := url.PathUnescape(escaped)
	if err != nil {
		return ""
	}
	trim := func(s string) string {
		if len(s) > 1 {
			return strings.TrimSuffix(s, "/")
		}
		return s
	}
	if decoded = trim(decoded); decoded != path.Clean("/"+decoded) {
		return ""
	}
	have := strings.Split(trim(escaped), "/")
	i := slices.IndexFunc(d.paths, func(template string) bool {
		want := strings.Split(template, "/")
		return len(want) == len(have) && !slices.ContainsFunc(want, func(step string) bool {
			i := slices.Index(want, step)
			return step != have[i] && (!strings.HasPrefix(step, "{") || have[i] == "")
		})
	})
	if i < 0 {
		return ""
	}
	return d.paths[i]
}

func (d *Document) checkResponse(a Answer, response map[string]any, pointer string) error {
	for name, header := range object(response["headers"]) {
		if err := d.checkHeader(a.Header, name, header, pointer+"/headers/"+escape(name)); err != nil {
			return err
		}
	}
	if strings.EqualFold(a.Method, http.MethodHead) {
		return nil
	}
	content := object(response["content"])
	if len(content) == 0 {
		if len(a.Body) > 0 {
			return fmt.Errorf("has a body, and the document none")
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if _, ok := content[media]; err != nil || !ok {
		return fmt.Errorf("Content-Type %q", a.Header.Get("Content-Type"))
	}
	if media != "application/json" {
		return nil
	}
	schema, err := d.schema(pointer + "/content/" + escape(media) + "/schema")
	if err != nil {
		return err
	}
	if !json.Valid(a.Body) { // one value, and nothing behind it
		return fmt.Errorf("is not JSON")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.Body))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func (d *Document) checkHeader(have http.Header, name string, node any, pointer string) error {
	h, pointer := d.resolve(node, pointer)
	values := have.Values(name)
	if len(values) == 0 {
		if h["required"] == true {
			return fmt.Errorf("no header %s", name)
		}
		return nil
	}
	schema, err := d.schema(pointer + "/schema")
	if err != nil {
		return err
	}
	var value any = values[0]
	if object(h["schema"])["type"] == "integer" {
		value = json.Number(values[0])
		if _, err := strconv.ParseInt(values[0], 10, 64); err != nil {
			return fmt.Errorf("header %s: %q is no integer", name, values[0])
		}
	}
	if err := schema.Validate(value); err != nil || len(values) != 1 {
		return fmt.Errorf("header %s: %q: %v", name, values, err)
	}
	return nil
}
