package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// TestEveryCommandIsInTheHandbook: the operator's tables have each command with each of its flags, each verb
// of ctl as the program tells of it, and nothing else.
func TestEveryCommandIsInTheHandbook(t *testing.T) {
	content, err := os.ReadFile("../../config/deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string) // by the first words
	for _, m := range regexp.MustCompile("(?m)^\\| `(otpgw (?:ctl )?[a-z]+)(?: [^`]*)?` \\| .*$").FindAllStringSubmatch(string(content), -1) {
		rows[m[1]] = m[0]
	}
	told := make(map[string]bool)
	for name, command := range subcommands {
		row := rows["otpgw "+name]
		told["otpgw "+name] = true
		if row == "" {
			t.Errorf("otpgw %s is not in the table", name)
			continue
		}
		flags := flag.NewFlagSet(name, flag.ContinueOnError)
		command(flags)
		flags.VisitAll(func(f *flag.Flag) {
			if strings.HasPrefix(f.Name, "template-") && f.Name != "template-bg" {
				return // one language stands for all
			}
			if !regexp.MustCompile("`-" + f.Name + "[ `]").MatchString(row) {
				t.Errorf("otpgw %s -%s is not in its row", name, f.Name)
			}
		})
	}
	for _, v := range append(slices.Clone(verbs), backupOf) {
		told["otpgw ctl "+v.name] = true
		want := fmt.Sprintf("| `otpgw ctl %s` | %s |", strings.ReplaceAll(strings.TrimSpace(v.name+" "+v.args), "|", `\|`), v.help)
		if got := rows["otpgw ctl "+v.name]; got != want {
			t.Errorf("the row of ctl %s is\n%s\nwant\n%s", v.name, got, want)
		}
	}
	for command := range rows {
		if !told[command] {
			t.Errorf("%s is in the table, and no command", command)
		}
	}
}

// TestWhereIs: the table of CONTRIBUTING answers each question with a file or a folder that is there.
func TestWhereIs(t *testing.T) {
	const document = "../../.github/CONTRIBUTING.md"
	content, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(content), "## Where is ...?")
	table, _, _ = strings.Cut(table, "\n## ")
	questions := 0
	for _, row := range strings.Split(table, "\n") {
		if !strings.Contains(row, "? |") {
			continue
		}
		questions++
		links := markdownLink.FindAllStringSubmatch(row, -1)
		if len(links) == 0 {
			t.Errorf("no file answers: %s", row)
		}
		for _, link := range links {
			leads(t, document, link[1])
			if !strings.Contains(row, "["+strings.TrimPrefix(link[1], "../")+"]") {
				t.Errorf("%s is called something else: %s", link[1], row)
			}
		}
	}
	if questions < 17 {
		t.Errorf("%d questions", questions)
	}
}
