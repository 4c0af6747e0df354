package smsc_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// updateVariable makes TestReadmeTables write the tables anew.
const updateVariable = "OTPGW_TEST_UPDATE"

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blocks are the README's code blocks of one language.
func blocks(text, language string) (list []string) {
	for _, rest := range strings.Split(text, "```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(rest, "```")
		list = append(list, block)
	}
	return list
}

func table[T interface {
	~string
	Sample() string
}](names []T) string {
	var b strings.Builder
	b.WriteString("| name | sample |\n|---|---|\n")
	for _, n := range names {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", string(n), strings.ReplaceAll(n.Sample(), "|", `\|`))
	}
	return b.String()
}

// TestReadmeTables: the tables are what the program has.
func TestReadmeTables(t *testing.T) {
	magic := "| ends in | what becomes of the message |\n|---|---|\n"
	for _, m := range smsc.Magic() {
		magic += fmt.Sprintf("| `%s` | %s |\n", m.Digits, m.What)
	}
	text := readme(t)
	for name, want := range map[string]string{
		"magic": magic, "receipt formats": table(smsc.ReceiptFormats()), "id formats": table(smsc.IDFormats()),
		"malformed": table(smsc.MalformedKinds()), "faults": table(smsc.FaultKinds()),
	} {
		mark := "<!-- " + name + " -->\n"
		before, rest, ok := strings.Cut(text, mark)
		if !ok {
			t.Fatalf("the README has no %q", mark)
		}
		after := strings.TrimLeft(regexp.MustCompile(`(?s)\A\n?(?:\|[^\n]*\n)*`).ReplaceAllString(rest, ""), "\n")
		text = before + mark + "\n" + want + "\n" + after
	}
	if text == readme(t) {
		return
	}
	if os.Getenv(updateVariable) == "" {
		t.Fatalf("the README's tables are old ones: %s=1 go test -run TestReadmeTables ./smpp/smsc writes them anew", updateVariable)
	}
	if err := os.WriteFile("README.md", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReadmeJSON: the rules are ones that are taken, the file too.
func TestReadmeJSON(t *testing.T) {
	list := blocks(readme(t), "json")
	if len(list) != 2 {
		t.Fatalf("%d blocks of JSON", len(list))
	}
	if rules, err := smsc.ParseRules([]byte(list[0])); err != nil || len(rules) != 6 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
	var file struct {
		ReceiptDelay string
		Limits       smsc.Limits
		Accounts     []smsc.Account
	}
	d := json.NewDecoder(strings.NewReader(list[1]))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		t.Error(err)
	}
	esmetest.Start(t, smsc.Config{Limits: file.Limits, AccountList: file.Accounts})
}

// TestReadmeCommands runs the commands as they stand there, on free ports, and compares what they print; "…"
// is anything.
func TestReadmeCommands(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the README's commands need %s: install it (Debian: apt-get install curl)", tool)
		}
	}
	dir := t.TempDir()
	ports := strings.NewReplacer()
	for _, block := range blocks(readme(t), "console") {
		for _, step := range strings.Split("\n"+block, "\n$ ")[1:] {
			command, want, _ := strings.Cut(step, "\n")
			command = ports.Replace(command)
			if strings.Contains(command, " -accounts ") {
				ports = serve(t, dir, command, want)
				continue
			}
			cmd := exec.Command("sh", "-c", command)
			if cmd.Dir = dir; strings.HasPrefix(command, "go build") {
				cmd = exec.Command("sh", "-c", strings.ReplaceAll(command, "bin/", dir+"/bin/"))
				cmd.Dir = "../.."
			}
			if out, err := cmd.CombinedOutput(); err != nil || !alike(string(out), want) {
				t.Errorf("$ %s: %v\n%s\nthe README shows\n%s", command, err, out, want)
			}
		}
	}
}

// alike reports whether an output is what is shown, in which "…" is anything.
func alike(out, shown string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(shown)), "…", ".*")
	return regexp.MustCompile(`(?s)\A` + pattern + `\z`).MatchString(strings.TrimSpace(out))
}

// serve starts the simulator, sends it the message that the README asks for, and replaces the ports of the
// README.
func serve(t *testing.T, dir, command, ready string) *strings.Replacer {
	t.Helper()
	args := strings.Fields(command)
	cmd := exec.Command(args[0], append(args[1:], "-smpp", "127.0.0.1:0", "-http", "127.0.0.1:0")...)
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	m := regexp.MustCompile(`SMPP on (\S+), HTTP on (\S+),`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("it said %q, %v", line, err)
	}
	if ports := strings.NewReplacer(m[1], "127.0.0.1:2775", m[2], "http://127.0.0.1:8775"); ports.Replace(line) != ready {
		t.Errorf("it said %q, the README shows %q", line, ready)
	}
	conn, err := net.Dial("tcp", m[1])
	if err != nil {
		t.Fatal(err)
	}
	e := esmetest.Over(t, conn)
	if _, err := e.Bind(esmetest.Patient(t), wire.BindTransceiver, wire.Bind{SystemID: "alice", Password: "secret1"}); err != nil {
		t.Fatal(err)
	}
	message := esmetest.Message("491701234567", "Your code is 4711")
	message.Source.Addr = "Shop"
	e.Submit(message)
	return strings.NewReplacer("http://127.0.0.1:8775", m[2], "127.0.0.1:2775", m[1])
}

// TestReadmeModule: the Go test, in a module of its own that has nothing but what the README says.
func TestReadmeModule(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds a module of its own: run without -short")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := readme(t)
	if err := os.WriteFile(filepath.Join(dir, "login_test.go"), []byte(blocks(text, "go")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	// go mod tidy asks for more than is built; with the sums of this module it asks for little.
	for command := range strings.Lines(blocks(text, "sh")[0]) {
		command = strings.ReplaceAll(strings.TrimSpace(command), "../otpgw", root)
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		began := time.Now()
		out, err := cmd.CombinedOutput()
		if err != nil && strings.HasPrefix(command, "go mod tidy") && bytes.Contains(out, []byte("dial tcp")) {
			t.Skipf("go mod tidy cannot download modules: make a Go module proxy reachable to run the README's module\n%s", out)
		}
		if err != nil {
			t.Fatalf("$ %s: %v after %s\n%s", command, err, time.Since(began), out)
		}
	}
}
