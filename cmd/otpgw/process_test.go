package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// processMode names the variable that makes the test binary be another program: the daemon itself, so that a
// test can kill a real process, or the simulator and the load of the benchmark.
const processMode = "OTPGW_TEST_PROCESS"

// processes are what else it can be, by the names that files for one system add.
var processes = make(map[string]func())

func TestMain(m *testing.M) {
	switch os.Getenv(processMode) {
	case "":
		os.Setenv("CGO_ENABLED", "0") // programs that tests build are built as a release is
		goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
	case "otpgw":
		os.Unsetenv(processMode)
		limitDescriptors(os.Getenv(testDescriptors))
		stop := profile(os.Getenv(cpuProfile))
		code := runProcess()
		stop()
		os.Exit(code)
	default:
		if other := processes[os.Getenv(processMode)]; other != nil {
			other()
			return
		}
		benchProcess(os.Getenv(processMode))
	}
}

// cpuProfile names the variable with the file that a daemon's CPU profile goes to: make bench with it set
// shows where the time goes.
const cpuProfile = "OTPGW_TEST_CPUPROFILE"

func profile(file string) (stop func()) {
	if file == "" {
		return func() {}
	}
	f, err := os.Create(file)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return func() { pprof.StopCPUProfile(); f.Close() }
}

// testTimeout bounds one step of a test: start, stop, a request.
const testTimeout = 60 * time.Second

// process is a daemon in a process of its own.
type process struct {
	*processtest.Process
	t      testing.TB
	stdout *lines
	stderr *lines

	HTTP  string // base URL of the API
	Admin string // base URL of the operator's port
}

// lines collects what a process prints and tells of each line.
type lines struct {
	mu   sync.Mutex
	all  []string
	news chan struct{} // closed and replaced with each line
	done bool
}

func newLines() *lines { return &lines{news: make(chan struct{})} }

func (l *lines) take(line string) { l.add(line, false) }

func (l *lines) add(line string, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if done {
		l.done = true
	} else {
		l.all = append(l.all, line)
	}
	close(l.news)
	l.news = make(chan struct{})
}

// find waits for a line that match likes; false when the output ended or the time ran out.
func (l *lines) find(match func(string) bool) (string, bool) {
	deadline := time.After(testTimeout)
	for from := 0; ; {
		l.mu.Lock()
		fresh, news, done := l.all[from:], l.news, l.done
		from = len(l.all)
		l.mu.Unlock()
		if i := slices.IndexFunc(fresh, match); i >= 0 {
			return fresh[i], true
		}
		if done {
			return "", false
		}
		select {
		case <-news:
		case <-deadline:
			return "", false
		}
	}
}

// count is how many lines hold a text.
func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.all {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// more waits until more than n lines hold a text.
func (l *lines) more(text string, n int) bool {
	_, ok := l.find(func(line string) bool {
		if strings.Contains(line, text) {
			n--
		}
		return n < 0
	})
	return ok
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// tail is the end of it, for a failed test's log: the access log alone may be thousands of lines.
func (l *lines) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all[max(0, len(l.all)-40):], "\n")
}

// spawn starts the test binary as the daemon with exactly the given environment beside what the system needs.
func spawn(t testing.TB, env map[string]string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{processMode: "otpgw"}
	if file := os.Getenv(cpuProfile); file != "" {
		all[cpuProfile] = file
	}
	maps.Copy(all, env)
	p := &process{t: t, stdout: newLines(), stderr: newLines()}
	p.Process, err = processtest.Start(t, processtest.Options{Program: self, Args: args, Env: all, Stdout: p.stdout.take, Stderr: p.stderr.take})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-p.Exited()
		p.stdout.add("", true)
		p.stderr.add("", true)
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the daemon printed at its end:\n%s\n%s", p.stdout.tail(), p.stderr.tail())
		}
	})
	return p
}

// startDaemon starts a daemon and waits until it says that it is ready.
func startDaemon(t testing.TB, env map[string]string) *process {
	t.Helper()
	return awaitReady(t, spawn(t, env))
}

func awaitReady(t testing.TB, p *process) *process {
	t.Helper()
	line, ok := p.stderr.find(func(s string) bool { return strings.Contains(s, `"message":"ready"`) })
	if !ok {
		t.Fatalf("the daemon did not get ready:\n%s", p.stderr)
	}
	var ready struct{ HTTP, Admin string }
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		t.Fatal(err)
	}
	p.HTTP, p.Admin = "http://"+reachable(ready.HTTP), "http://"+ready.Admin
	return p
}

// stop asks the process to end, as an operator would, and returns its exit status.
func (p *process) stop() int {
	p.t.Helper()
	status := p.Terminate(testTimeout)
	if status < 0 {
		p.t.Errorf("the daemon did not end by itself: %v", p.State())
	}
	return status
}

const testAdminToken = "admin-token-of-the-tests"

// env is the smallest configuration of a daemon: one application, one link.
func env(dir, smpp string, more map[string]string) map[string]string {
	e := map[string]string{
		"OTPGW_HTTP_ADDR": "127.0.0.1:0", "OTPGW_ADMIN_ADDR": "127.0.0.1:0", "OTPGW_DATA_DIR": dir, "OTPGW_LOG_FORMAT": "json",
		"OTPGW_ADMIN_TOKEN": testAdminToken,
		"OTPGW_APPS":        "shop", "OTPGW_APP_SHOP_API_KEYS": "key", "OTPGW_APP_SHOP_SENDERS": "Verify",
		"OTPGW_LINKS": "carrier", "OTPGW_LINK_CARRIER_ADDR": smpp, "OTPGW_LINK_CARRIER_SYSTEM_ID": "acc", "OTPGW_LINK_CARRIER_PASSWORD": "secret",
		"OTPGW_CALLBACK_ALLOW": "127.0.0.0/8",
		"OTPGW_NATS_SYNC":      "1s", // kills lose nothing with it; that the power does not either is tested in torture
	}
	maps.Copy(e, more)
	return e
}

func startSMSC(t testing.TB, cfg smsc.Config) *smsc.Server {
	t.Helper()
	s, err := smsc.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Close(ctx)
	})
	return s
}

// answer is a response of the API.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// call makes a request with the test's API key; a nil error only when there was an answer.
func call(c *http.Client, method, url, body string) (answer, error) {
	return callAs(c, "key", method, url, body)
}

// callAs is call with another API key.
func callAs(c *http.Client, key, method, url, body string) (answer, error) {
	req, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("X-API-KEY", key)
	req.Header.Set(operator.Header, testAdminToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// mustCall is call for requests that have to succeed with a status.
func mustCall(t testing.TB, c *http.Client, method, url, body string, status int) answer {
	t.Helper()
	a, err := call(c, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, url, a.status, status, a.body)
	}
	return a
}

// number is the nth valid telephone number.
func number(n int) string { return fmt.Sprintf("+4670%07d", n) }
