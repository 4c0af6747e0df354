package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/sethvargo/go-envconfig"
	"go.yaml.in/yaml/v3"

	"github.com/otpgw/otpgw/config"
)

// TestCompose: the file fits the Compose Specification's schema (compose-spec.org, of compose-go v2.9.0), the files it names
// are there, and what it gives to the gateways is a sound configuration.
func TestCompose(t *testing.T) {
	var document any
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &document); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile("testdata/compose-spec.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(plain); err != nil {
		t.Error(err)
	}
	var file struct {
		Services map[string]struct {
			Environment map[string]string
			Volumes     []string
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(file.Services)); len(got) != 8 {
		t.Errorf("services %v", got)
	}
	for name, service := range file.Services {
		for _, volume := range service.Volumes {
			if local, _, _ := strings.Cut(volume, ":"); strings.HasPrefix(local, "./") {
				read(t, local)
			}
		}
		if !strings.HasPrefix(name, "gateway") {
			continue
		}
		env := service.Environment
		c, err := config.Load(context.Background(), envconfig.MapLookuper(env), slices.Collect(maps.Keys(env)))
		if err != nil || len(c.Warnings) != 0 {
			t.Errorf("%s: %v, %v", name, err, c)
		}
	}
}
