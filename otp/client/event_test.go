package client_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/otpgw/otpgw/otp/client"
)

// TestEveryEventHasAType: each callback of the gateway's API document is read into a list of its own, whose
// items have each property that the document requires, under its name, and lose none of it.
func TestEveryEventHasAType(t *testing.T) {
	document, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	api, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	if len(api.Webhooks) < 6 {
		t.Fatalf("the document has %d webhooks", len(api.Webhooks))
	}
	lists := make(map[string]bool)
	for name, hook := range api.Webhooks {
		body := hook.Post.RequestBody.Value.Content["application/json"].Schema.Value
		item := sample(t, name, body.Properties["data"].Value.Items.Value)
		text, _ := json.Marshal(map[string]any{"event": name, "data": []any{item}})
		e, err := client.ParseEvent(text)
		if err != nil || e.Event != name {
			t.Errorf("%s: %v, of %s", name, err, text)
			continue
		}
		list, items := listOf(e)
		if list == "" || lists[list] {
			t.Errorf("%s: no list of its own, of %s: %+v", name, text, e)
			continue
		}
		lists[list] = true
		shown, _ := json.Marshal(items.Index(0).Interface())
		var back map[string]any
		if err := json.Unmarshal(shown, &back); err != nil {
			t.Fatal(err)
		}
		for property, want := range item {
			got, _ := json.Marshal(back[property])
			if wanted, _ := json.Marshal(want); !bytes.Equal(got, wanted) {
				t.Errorf("%s: %s is %s in %s, want %s", name, property, got, list, wanted)
			}
		}
	}
}

// listOf is the one list of an event that has items.
func listOf(e client.Event) (name string, items reflect.Value) {
	v := reflect.ValueOf(e)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct && v.Field(i).Len() > 0 {
			if name != "" {
				return "", items
			}
			name, items = f.Name, v.Field(i)
		}
	}
	return name, items
}

// sample has a value for each property that a schema requires.
func sample(t *testing.T, where string, schema *openapi3.Schema) map[string]any {
	t.Helper()
	item := make(map[string]any)
	for _, property := range schema.Required {
		s := schema.Properties[property].Value
		switch {
		case len(s.Enum) > 0:
			item[property] = s.Enum[len(s.Enum)-1]
			if s.Enum[len(s.Enum)-1] == nil {
				item[property] = s.Enum[0]
			}
		case s.Type.Includes("object"):
			item[property] = sample(t, where+"."+property, s)
		case s.Type.Includes("array"):
			item[property] = []any{}
		case s.Type.Includes("integer"), s.Type.Includes("number"):
			item[property] = 7
		case s.Type.Includes("boolean"):
			item[property] = true
		case s.Format == "date-time":
			item[property] = "2026-11-26T18:00:00Z"
		case s.Type.Includes("string"):
			item[property] = "text of " + property
		default:
			t.Fatalf("%s: no sample of %s", where, property)
		}
	}
	if len(item) == 0 && !slices.Contains(schema.Type.Slice(), "object") {
		t.Fatalf("%s: no properties", where)
	}
	return item
}

// TestParseEvent: an event of a later gateway keeps its items; what is no callback is an error.
func TestParseEvent(t *testing.T) {
	e, err := client.ParseEvent([]byte(`{"event":"x_update","data":[{"a":1}]}`))
	if err != nil || e.Event != "x_update" || string(e.Data) != `[{"a":1}]` {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = client.ParseEvent([]byte(`{"event":"quota_alert","data":[{"quota":"month_budget","percent":80,"limit":12.5,"until":"2026-12-01T00:00:00Z","datetime":"2026-11-26T18:00:00Z"}]}`))
	if err != nil || len(e.Quotas) != 1 || e.Quotas[0].Quota != "month_budget" || e.Quotas[0].Percent != 80 || e.Quotas[0].Limit != 12.5 || e.Quotas[0].Until.Month() != 12 {
		t.Errorf("%+v, %v", e, err)
	}
	for _, wrong := range []string{``, `[]`, `{"event":"guard_alert","data":{}}`, `{"event":"quota_alert"}`} {
		if e, err := client.ParseEvent([]byte(wrong)); err == nil {
			t.Errorf("%s is read as %+v", wrong, e)
		}
	}
}
