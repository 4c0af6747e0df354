package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading      = regexp.MustCompile(`(?m)^#+ (.*)$`)
	codeBlock    = regexp.MustCompile("(?ms)^```.*?^```$")
)

// TestDocumentsLead: each link from one document of the repository to a file leads there, and to a heading
// that it has.
func TestDocumentsLead(t *testing.T) {
	const root = "../.."
	links := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "bin" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range markdownLink.FindAllStringSubmatch(codeBlock.ReplaceAllString(string(content), ""), -1) {
			if !strings.Contains(m[1], "://") {
				links++
				leads(t, path, m[1])
			}
		}
		return nil
	})
	if err != nil || links < 50 {
		t.Errorf("%d links: %v", links, err)
	}
}

// leads fails the test when a link of a document leads nowhere.
func leads(t *testing.T, document, link string) {
	t.Helper()
	to, anchor, _ := strings.Cut(link, "#")
	file := document
	if to != "" {
		file = filepath.Join(filepath.Dir(document), to)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Errorf("%s: %s leads nowhere", document, link)
		return
	}
	if anchor == "" || info.IsDir() {
		return
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range heading.FindAllStringSubmatch(string(content), -1) {
		if anchorOf(m[1]) == anchor {
			return
		}
	}
	t.Errorf("%s: %s: %s has no such heading", document, link, file)
}

// anchorOf is how a page that shows Markdown names a heading.
func anchorOf(title string) string {
	title = strings.ToLower(strings.ReplaceAll(title, " ", "-"))
	return regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(title, "")
}

// TestReadmeIsShort: whoever opens the repository sees the whole of it; what is long stands beside the code
// that owns it.
func TestReadmeIsShort(t *testing.T) {
	content, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(content); n > 9<<10 {
		t.Errorf("README.md has %d octets, want 9 KiB at most", n)
	}
}
