package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var namedTest = regexp.MustCompile("`([a-z/]+)` (Test[A-Za-z0-9]+)")

// TestPromisesAreTested: each test that the table of promises names is there, and each row names one.
func TestPromisesAreTested(t *testing.T) {
	const root = "../.."
	table, err := os.ReadFile(filepath.Join(root, ".github", "PROMISES.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := make(map[string]string) // what the tests of a package are written in
	rows := 0
	for line := range strings.Lines(string(table)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| |") {
			continue
		}
		rows++
		named := namedTest.FindAllStringSubmatch(line, -1)
		if len(named) == 0 || len(named) != strings.Count(line, " Test") {
			t.Errorf("a row names no test, or one without its package: %s", line)
		}
		for _, n := range named {
			if _, read := tests[n[1]]; !read {
				tests[n[1]] = sources(t, filepath.Join(root, n[1]))
			}
			if !strings.Contains(tests[n[1]], "\nfunc "+n[2]+"(t *testing.T)") {
				t.Errorf("there is no %s in %s", n[2], n[1])
			}
		}
	}
	if rows < 30 {
		t.Errorf("%d rows", rows)
	}
}

// sources are the test files of a package.
func sources(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(content)
	}
	return all.String()
}
