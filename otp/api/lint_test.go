package api

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOpenAPILint lets two linters that are not ours read the documents; neither finds as much as a warning.
func TestOpenAPILint(t *testing.T) {
	document, err := filepath.Abs("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	camara, err := filepath.Abs("../camara/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, linter := range []struct {
		name, install string
		args          []string
		file, rules   string // its configuration
	}{
		{"redocly", "npm install -g @redocly/cli", []string{"lint", "--format=stylish", document, camara}, "redocly.yaml", "extends: [recommended]\n"},
		{"spectral", "npm install -g @stoplight/spectral-cli", []string{"lint", "--fail-severity=hint", "--ruleset=.spectral.yaml", document, camara}, ".spectral.yaml", `extends: ["spectral:oas"]` + "\n"},
	} {
		t.Run(linter.name, func(t *testing.T) {
			program, err := exec.LookPath(linter.name)
			if err != nil {
				t.Skipf("%s does not read the document: it is not here (%s)", linter.name, linter.install)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, linter.file), []byte(linter.rules), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			run := exec.CommandContext(ctx, program, linter.args...)
			run.Dir, run.Env = dir, append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true", "NO_COLOR=1")
			out, err := run.CombinedOutput()
			if err != nil || strings.Contains(string(out), "  warning  ") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
