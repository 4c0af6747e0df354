package processtest

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestDisk: the shadow of a directory holds what was synced, and only that.
func TestDisk(t *testing.T) {
	program, err := build(t.TempDir(), "./testdata/disk")
	if err != nil {
		t.Fatal(err)
	}
	from, to := t.TempDir(), t.TempDir()
	cmd := exec.Command(program, from)
	cmd.Env = append(cmd.Environ(), DiskVariable+"="+from+"="+to)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := map[string]string{"appended": "kept,", "changed": "old new", "osync": "each write", "cut": "012", "a/b/name": "renamed",
		"tree2/x": "x", "tree2/y": "y"}
	if got := filesIn(t, to); !maps.Equal(got, want) {
		t.Errorf("after the power is back there is %q, want %q", got, want)
	}
	if got := filesIn(t, from)["appended"]; got != "kept,lost" {
		t.Errorf("the directory itself has %q", got)
	}
}

func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
