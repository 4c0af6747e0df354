// Package smscsim_test runs the examples of this directory: the simulator in tests that are not in Go.
package smscsim_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// patience is for one program of another language, with what it downloads.
const patience = 3 * time.Minute

// build makes smscsim.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "smscsim")
	cmd := exec.Command("go", "build", "-o", program, "./cmd/smscsim")
	cmd.Dir, cmd.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0") // as a release is built
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// tool finds a program, or skips with how to get it.
func tool(t *testing.T, name, pkg string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("downloads packages: run without -short")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s: install it (apt-get install %s) to run this example", name, pkg)
	}
	return path
}

func run(t *testing.T, dir string, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestPytest: the fixture with the program, and with a simulator that runs as the service of the workflow
// does.
func TestPytest(t *testing.T) {
	t.Parallel()
	python := tool(t, "python3", "python3-pip")
	packages := t.TempDir()
	if out, err := run(t, "", nil, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "0",
		"--timeout", "10", "--target", packages, "pytest==8.3.4", "smpplib==2.2.4"); err != nil {
		t.Skipf("pip cannot install pytest and smpplib (%v): make a Python package registry reachable to run this example\n%s", err, out)
	}
	program := build(t)
	env := []string{"PYTHONPATH=" + packages, "PYTHONDONTWRITEBYTECODE=1"}
	pytest := func(env ...string) {
		t.Helper()
		out, err := run(t, "pytest", env, python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
		if err != nil || !strings.Contains(out, "3 passed") {
			t.Errorf("%v\n%s", err, out)
		}
	}
	pytest(append(env, "SMSCSIM_PROGRAM="+program)...)
	smpp, http := service(t, program)
	pytest(append(env, "SMSCSIM_PROGRAM=nowhere", "SMSCSIM_SMPP="+smpp, "SMSCSIM_HTTP="+http)...)
}

// service starts the simulator with the environment of its image, but for the ports.
func service(t *testing.T, program string) (smpp, http string) {
	t.Helper()
	image := read(t, "Dockerfile")
	cmd := exec.Command(program)
	for _, name := range []string{"SMSCSIM_SMPP_ADDR", "SMSCSIM_HTTP_ADDR"} {
		if !strings.Contains(image, name+"=:") {
			t.Errorf("the image does not set %s to all addresses", name)
		}
		cmd.Env = append(cmd.Env, name+"=127.0.0.1:0")
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	m := regexp.MustCompile(`SMPP on (\S+),.* HTTP on (\S+),`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("it said %q, %v", line, err)
	}
	return m[1], m[2]
}

// TestJUnit5: the extension in a Maven project.
func TestJUnit5(t *testing.T) {
	t.Parallel()
	mvn := tool(t, "mvn", "maven")
	tool(t, "javac", "default-jdk-headless")
	project := t.TempDir()
	if err := os.CopyFS(project, os.DirFS("junit5")); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, project, nil, mvn, "-q", "-B", "test-compile"); err != nil {
		if strings.Contains(out, "COMPILATION ERROR") {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Skipf("Maven cannot download JUnit and jSMPP (%v): make a Maven repository reachable to run this example\n%s", err, out)
	}
	if out, err := run(t, project, []string{"SMSCSIM_PROGRAM=" + build(t)}, mvn, "-B", "test"); err != nil || !strings.Contains(out, "Tests run: 3, Failures: 0") {
		t.Errorf("%v\n%s", err, out)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWorkflow: the service has the ports of the image, and the tests are told where it is.
func TestWorkflow(t *testing.T) {
	var w struct {
		Jobs map[string]struct {
			Services map[string]struct {
				Image string
				Ports []string
			}
			Env   map[string]string
			Steps []struct{ Uses, Run string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "github-workflow.yml")), &w); err != nil {
		t.Fatal(err)
	}
	job := w.Jobs["test"]
	image := read(t, "Dockerfile")
	exposed := regexp.MustCompile(`(?m)^EXPOSE (.*)$`).FindStringSubmatch(image)
	for _, port := range strings.Fields(exposed[1]) {
		if !strings.Contains(strings.Join(job.Services["smscsim"].Ports, " "), ":"+port) || !strings.Contains(image, "_ADDR=:"+port) {
			t.Errorf("port %s of the image is not the service's, or not where it listens", port)
		}
	}
	for _, step := range regexp.MustCompile(`(?m)^RUN .*$`).FindAllString(image, -1) {
		if !strings.Contains(read(t, "../Dockerfile"), step+"\n") {
			t.Errorf("%q is no step of the gateway's image, whose steps are tested", step)
		}
	}
	fixture := read(t, "pytest/conftest.py")
	for name := range job.Env {
		if !strings.Contains(fixture, name) {
			t.Errorf("the fixture does not read %s", name)
		}
	}
	if last := job.Steps[len(job.Steps)-1]; last.Run != "pytest" || len(job.Env) != 2 {
		t.Errorf("the last step is %q", last.Run)
	}
}
