package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asMain, in the environment, makes the test binary the command, so that signals are tested on a real
// process.
const asMain = "SMSCSIM_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

func env(m map[string]string) func(string) string { return func(name string) string { return m[name] } }

var readyLine = regexp.MustCompile(`^smscsim is ready: SMPP on (127\.0\.0\.1:\d+)(?:, HTTP on (http://127\.0\.0\.1:\d+))?, (.*)\n$`)

// readReady reads the line that says the command is ready.
func readReady(t *testing.T, r io.Reader) (smpp, http, who string) {
	t.Helper()
	line, err := bufio.NewReader(r).ReadString('\n')
	m := readyLine.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("printed %q, %v", line, err)
	}
	return m[1], m[2], m[3]
}

func TestRunUntilTheEnd(t *testing.T) {
	tests := []struct {
		name string
		args []string
		env  map[string]string
		http bool
		who  string
	}{
		{"flags", []string{"-smpp", "127.0.0.1:0", "-http", "127.0.0.1:0"}, nil, true, "any system_id may bind"},
		{"environment", nil, map[string]string{
			"SMSCSIM_SMPP_ADDR": "127.0.0.1:0", "SMSCSIM_HTTP_ADDR": "127.0.0.1:0", "SMSCSIM_ACCOUNTS": "a:b, c:d:e",
		}, true, "2 accounts may bind"},
		{"flags win, no HTTP", []string{"-smpp=127.0.0.1:0", "-http=off", "-accounts=a:b"},
			map[string]string{"SMSCSIM_SMPP_ADDR": "nonsense", "SMSCSIM_HTTP_ADDR": "nonsense"}, false, "1 account may bind"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			r, w := io.Pipe()
			var stderr bytes.Buffer
			status := make(chan int)
			go func() {
				defer w.Close()
				c := command{args: tt.args, getenv: env(tt.env), stdout: w, stderr: &stderr}
				status <- c.run(ctx)
			}()
			smpp, url, who := readReady(t, r)
			if who != tt.who || (url != "") != tt.http {
				t.Errorf("HTTP %q, %q; want %q", url, who, tt.who)
			}
			conn, err := net.Dial("tcp", smpp)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if tt.http {
				resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(url + "/healthz")
				if err != nil {
					t.Fatal(err)
				}
				if resp.Body.Close(); resp.StatusCode != http.StatusOK {
					t.Errorf("healthz: %s", resp.Status)
				}
			}
			cancel()
			select {
			case got := <-status:
				if got != exitOK {
					t.Errorf("exit status %d: %s", got, stderr.String())
				}
			case <-time.After(10 * time.Second):
				t.Fatal("did not end")
			}
		})
	}
}

func TestRunThatDoesNotStart(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	tests := []struct {
		name   string
		args   []string
		env    map[string]string
		status int
		stdout string
		stderr []string
	}{
		{"help", []string{"-help"}, nil, exitOK, "SMSCSIM_RECEIPT_DELAY", nil},
		{"version", []string{"version"}, nil, exitOK, "smscsim ", nil},
		{"unknown flag", []string{"-nonsense"}, nil, exitUsage, "", []string{"-nonsense", "-help"}},
		{"unknown argument", []string{"nonsense"}, nil, exitUsage, "", []string{`"nonsense"`}},
		{"all faults at once", []string{"-keep", "0", "-smpp", "2775"},
			map[string]string{"SMSCSIM_RECEIPT_DELAY": "soon", "SMSCSIM_ACCOUNTS": "alice"}, exitUsage, "",
			[]string{"SMSCSIM_KEEP", "SMSCSIM_SMPP_ADDR", "SMSCSIM_RECEIPT_DELAY", "SMSCSIM_ACCOUNTS", "entry 1"}},
		{"negative delay", []string{"-receipt-delay=-1s"}, nil, exitUsage, "", []string{"0s or more"}},
		{"account twice", []string{"-accounts=a:b,a:secret"}, nil, exitUsage, "", []string{"a is there twice"}},
		{"SMPP address taken", []string{"-smpp", taken, "-http=off"}, nil, exitFailed, "", []string{taken, "-smpp"}},
		{"HTTP address taken", []string{"-smpp=127.0.0.1:0", "-http", taken}, nil, exitFailed, "", []string{taken, "-http"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			c := command{args: tt.args, getenv: env(tt.env), stdout: &stdout, stderr: &stderr}
			if got := c.run(context.Background()); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
			if !strings.Contains(stdout.String(), tt.stdout) {
				t.Errorf("printed %q", stdout.String())
			}
			for _, want := range tt.stderr {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("error %q lacks %q", stderr.String(), want)
				}
			}
			if strings.Contains(stderr.String(), "secret") {
				t.Errorf("error %q holds a password", stderr.String())
			}
		})
	}
}

func TestSignals(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-smpp=127.0.0.1:0", "-http=127.0.0.1:0")
			cmd.Env = append(os.Environ(), asMain+"=1")
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			readReady(t, stdout)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}
