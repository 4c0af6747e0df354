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

// TestCompose: the file fits the Compose Specification's schema (compose-spec.org, of compose-go v2.9.0), the
// files it names are there, and what it gives to the gateways is a sound configuration.
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

// TestGrafanaIsProvisioned: Grafana finds Prometheus under the name that the dashboard asks for, and the
// dashboard where it is put.
func TestGrafanaIsProvisioned(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Environment map[string]string
			Volumes     []string
			Configs     []struct{ Source, Target string }
			Command     []string
		}
		Configs map[string]struct{ Content string }
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	grafana := file.Services["grafana"]
	provisioned := make(map[string]string) // by the folder that Grafana reads
	for _, c := range grafana.Configs {
		folder, _, _ := strings.Cut(strings.TrimPrefix(c.Target, "/etc/grafana/provisioning/"), "/")
		provisioned[folder] = file.Configs[c.Source].Content
	}
	var sources struct {
		Datasources []struct {
			UID, Type, URL string
			IsDefault      bool `yaml:"isDefault"`
		}
	}
	var providers struct {
		Providers []struct {
			Type    string
			Options struct{ Path string }
		}
	}
	if err := yaml.Unmarshal([]byte(provisioned["datasources"]), &sources); err != nil || len(sources.Datasources) != 1 {
		t.Fatalf("%v: %s", err, provisioned["datasources"])
	}
	if err := yaml.Unmarshal([]byte(provisioned["dashboards"]), &providers); err != nil || len(providers.Providers) != 1 {
		t.Fatalf("%v: %s", err, provisioned["dashboards"])
	}
	var board struct {
		UID        string
		Templating struct {
			List []struct {
				Name, Query string
				Current     struct{ Value any }
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, "dashboard.json")), &board); err != nil {
		t.Fatal(err)
	}
	source, variable := sources.Datasources[0], board.Templating.List[0]
	if source.Type != "prometheus" || !source.IsDefault || source.UID != variable.Current.Value || variable.Query != source.Type {
		t.Errorf("the data source is %+v, the dashboard asks for %+v", source, variable)
	}
	host, port, _ := strings.Cut(strings.TrimPrefix(source.URL, "http://"), ":")
	if _, there := file.Services[host]; !there || port != "9090" {
		t.Errorf("nothing is at %s", source.URL)
	}
	at := providers.Providers[0].Options.Path + "/dashboard.json"
	if !slices.Contains(grafana.Volumes, "./dashboard.json:"+at+":ro") || grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] != at || board.UID == "" {
		t.Errorf("the dashboard %q is not at %s", board.UID, at)
	}
	for _, name := range []string{"./prometheus.yml:/etc/prometheus/prometheus.yml:ro", "./alerts.yml:/etc/prometheus/alerts.yml:ro"} {
		if !slices.Contains(file.Services["prometheus"].Volumes, name) {
			t.Errorf("Prometheus has no %s", name)
		}
	}
}
