package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// program is how otp/README.md's program of one language is run: with the file it stands in as the last
// argument.
type program struct {
	fence, file, tool string // of the block; its name; what has to be installed
	command           []string
	get               string // how to get the tool
}

var programs = []program{
	{"sh", "otp.sh", "curl", []string{"sh"}, "Debian: apt-get install curl"},
	{"python", "otp.py", "python3", []string{"python3"}, "Debian: apt-get install python3"},
	{"php", "otp.php", "php", []string{"php"}, "Debian: apt-get install php-cli"},
	{"js", "otp.mjs", "node", []string{"node"}, "Debian: apt-get install nodejs"},
	{"java", "Otp.java", "javac", []string{"java"}, "Debian: apt-get install default-jdk-headless"},
	{"csharp", "Program.cs", "dotnet", []string{"dotnet", "run", "--project"}, "the .NET SDK, 8 or newer"},
	{"ruby", "otp.rb", "ruby", []string{"ruby"}, "Debian: apt-get install ruby"},
	{"go", "main.go", "go", []string{"go", "run"}, "see go.dev"},
}

// TestReadmePrograms runs the programs of otp/README.md as they stand there, but for address and number: once
// with the PIN of the message that arrived, once with a wrong one.
func TestReadmePrograms(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../otp/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(readme), "<!-- programs: TestReadmePrograms runs them -->")
	if !ok {
		t.Fatal("the README has no programs")
	}
	section, _, _ = strings.Cut(section, "<!-- end of the programs -->")
	d, at := startDemoProcess(t, nil)
	t.Run("languages", func(t *testing.T) {
		for i, p := range programs {
			t.Run(p.fence, func(t *testing.T) {
				_, code, ok := strings.Cut(section, "```"+p.fence+"\n")
				if !ok {
					t.Fatal("the README has no program of this language")
				}
				code, _, _ = strings.Cut(code, "\n```")
				if _, err := exec.LookPath(p.tool); err != nil {
					t.Skipf("the program in %s is not run: there is no %s (%s)", p.fence, p.tool, p.get)
				}
				t.Parallel()
				for n, wrong := range []bool{false, true} {
					phone := number(100 + 2*i + n)
					p.run(t, strings.NewReplacer("http://127.0.0.1:8080", at["API"], "+46700000001", phone).Replace(code), at["simulator"], phone, wrong)
				}
			})
		}
	})
	if code := d.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

// run runs a program and types the PIN when it asks.
func (p program) run(t *testing.T, code, simulator, phone string, wrong bool) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, p.file)
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if p.fence == "csharp" {
		file = dir
		project := `<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net8.0</TargetFramework><RollForward>Major</RollForward><Nullable>enable</Nullable><ImplicitUsings>enable</ImplicitUsings></PropertyGroup></Project>`
		if err := os.WriteFile(filepath.Join(dir, "otp.csproj"), []byte(project), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p.fence == "go" {
		ownModule(t, dir)
	}
	cmd := exec.CommandContext(t.Context(), p.command[0], append(p.command[1:], file)...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pin, err := received(simulator, phone)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("%v; the program said:\n%s", err, &out)
	}
	want := "VERIFIED"
	if wrong {
		pin, want = "x"+pin[1:], "invalid_pin"
	}
	fmt.Fprintln(in, pin)
	in.Close()
	// Some of the programs end with a failure after a wrong PIN; what they say counts.
	if err := cmd.Wait(); err != nil && !wrong {
		t.Errorf("%v", err)
	}
	if got := strings.Fields(strings.ReplaceAll(out.String(), "PIN: ", " ")); !slices.Contains(got, want) {
		t.Errorf("it said %q, want %s", got, want)
	}
}

// ownModule makes a directory a module of its own, by the commands that otp/README.md shows, but for where
// the repository is.
func ownModule(t *testing.T, dir string) {
	t.Helper()
	readme, err := os.ReadFile("../../otp/README.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, ok := strings.Cut(string(readme), "```console\n$ go mod init")
	if !ok {
		t.Fatal("otp/README.md does not show how a module gets the client")
	}
	shown, _, _ = strings.Cut("$ go mod init"+shown, "```")
	for command := range strings.Lines(shown) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(strings.TrimPrefix(command, "$ "), "=../otpgw", "="+root))
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.TrimSpace(command), err, out)
		}
	}
}

// received waits for the message to a number and reads the code in it.
func received(simulator, phone string) (string, error) {
	resp, err := http.Get(simulator + "/api/v1/messages/wait?timeout=60s&to=" + url.QueryEscape(strings.TrimPrefix(phone, "+")))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var m struct{ Code string }
	if err := json.Unmarshal(body, &m); err != nil || len(m.Code) < 4 {
		return "", fmt.Errorf("no message arrived: %s", body)
	}
	return m.Code, nil
}
