// Package processtest runs the daemon and its peers as processes of their own, for tests that kill, pause and
// measure them.
//
//	Start           any program: its lines go to functions, its signals and its figures (CPU, memory, descriptors) are ours
//	Main, StartRole the test binary as another program: a peer of the daemon that a test wants apart from itself
//	BuildDaemon     the product's own otpgw, with a clock that can be set wrong (see clock.go)
//	StartDaemon     and a running one that is ready
//
// Every process ends with the test, and with the test binary where the system can do that.
package processtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// maxLine is the longest line of a process that is read.
const maxLine = 4 << 20

// Options say what to start.
type Options struct {
	Program string            // its path
	Args    []string          //
	Env     map[string]string // beside PATH, HOME and TMPDIR
	Stdout  func(line string) // called for each line, by one goroutine; nil: nobody wants them
	Stderr  func(line string)
}

// Process is a program that was started.
type Process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{} // closed when it has ended and all that it printed was handed on
}

// Start starts a process. It is killed when the test ends, unless it has ended before.
func Start(t testing.TB, o Options) (*Process, error) {
	cmd := exec.Command(o.Program, o.Args...)
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Env)) {
		cmd.Env = append(cmd.Env, name+"="+o.Env[name])
	}
	cmd.SysProcAttr = endWithParent()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, stdin: stdin, exited: make(chan struct{})}
	var reading sync.WaitGroup
	reading.Go(func() { eachLine(stdout, o.Stdout) })
	reading.Go(func() { eachLine(stderr, o.Stderr) })
	go func() {
		defer close(p.exited)
		reading.Wait()
		_ = cmd.Wait()
	}()
	t.Cleanup(p.Kill)
	return p, nil
}

func eachLine(r io.Reader, f func(string)) {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxLine)
	for sc.Scan() {
		if f != nil {
			f(sc.Text())
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long must not block the process
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stdin is the process's standard input.
func (p *Process) Stdin() io.Writer { return p.stdin }

// Pid is the process's id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Kill ends the process as kill -9 does, and waits. On an ended one it does nothing.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// State is how an ended process ended.
func (p *Process) State() *os.ProcessState { return p.cmd.ProcessState }

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Pause stops the process as it stands (SIGSTOP), as a machine does that swaps or a virtual one that is
// moved. On a busy machine a thread may run on for a while after the signal; where /proc tells, Pause returns
// when all stand.
func (p *Process) Pause() {
	_ = p.Signal(syscall.SIGSTOP)
	await.Within(await.Patience, p.stands)
}

// stands tells whether every thread is stopped.
func (p *Process) stands() bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.Pid()))
	for _, name := range threads {
		stat, err := os.ReadFile(name)
		if err != nil { // the thread has ended
			continue
		}
		_, state, _ := strings.Cut(string(stat), ") ") // behind the name, which may have anything in it
		if strings.IndexAny(state, "RSD") == 0 {
			return false
		}
	}
	return true
}

// Resume lets it go on.
func (p *Process) Resume() { _ = p.Signal(syscall.SIGCONT) }

// Terminate asks the process to end (SIGTERM) and returns its exit status; after most it is killed, and the
// status is -1.
func (p *Process) Terminate(most time.Duration) int {
	_ = p.Signal(syscall.SIGTERM)
	return p.await(most)
}

// End ends a role, which lives as long as its standard input, and returns its exit status as Terminate does.
func (p *Process) End(most time.Duration) int {
	_ = p.stdin.Close()
	return p.await(most)
}

func (p *Process) await(most time.Duration) int {
	select {
	case <-p.exited:
	case <-time.After(most):
		p.Kill()
	}
	return p.cmd.ProcessState.ExitCode()
}

// CPU is the processor time that an ended process used.
func (p *Process) CPU() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// RoleVariable makes the test binary a role. Who starts it otherwise than by StartRole sets it.
const RoleVariable = "OTPGW_TEST_ROLE"

const planVariable = "OTPGW_TEST_PLAN"

// Role is another program in the test binary. Its context ends when its standard input does, also because the
// test died. What the test writes to that comes line by line over Heard.
type Role func(ctx context.Context, plan []byte) error

// Heard are the lines that a role's test said to it.
var Heard = make(chan string, 16)

// Main is for TestMain: it runs the tests, or the role that StartRole asked for.
func Main(m *testing.M, roles map[string]Role) {
	name := os.Getenv(RoleVariable)
	if name == "" {
		status := m.Run()
		if built.dir != "" {
			_ = os.RemoveAll(built.dir)
		}
		os.Exit(status)
	}
	role, ok := roles[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "there is no role %q\n", name)
		os.Exit(2)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		eachLine(os.Stdin, func(line string) { Heard <- line })
		cancel()
	}()
	if err := role(ctx, []byte(os.Getenv(planVariable))); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// StartRole starts the test binary as a role with a plan, which goes there as JSON. Its complaints are the
// test's log.
func StartRole(t testing.TB, role string, plan any, stdout func(line string)) *Process {
	t.Helper()
	return StartRoleHeard(t, role, plan, stdout, func(line string) { fmt.Fprintf(os.Stderr, "%s: %s\n", role, line) })
}

// StartRoleHeard is StartRole for who wants to hear of the complaints, line by line.
func StartRoleHeard(t testing.TB, role string, plan any, stdout, stderr func(line string)) *Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{RoleVariable: role, planVariable: string(text)}
	p, err := Start(t, Options{Program: self, Env: env, Stdout: stdout, Stderr: stderr})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Lines is a Stdout that keeps what comes until it is asked for.
type Lines chan string

// NewLines has room for what a role says beyond what the test reads at once.
func NewLines() Lines { return make(Lines, 1024) }

// Add takes a line.
func (l Lines) Add(line string) { l <- line }

// Next is the next line of p; the test fails when it ends, or says nothing for as long as most.
func (l Lines) Next(t testing.TB, p *Process, most time.Duration) string {
	t.Helper()
	select {
	case line := <-l:
		return line
	case <-p.exited:
		select {
		case line := <-l: // its last words
			return line
		default:
		}
		t.Fatalf("process %d ended with status %d and said nothing", p.Pid(), p.cmd.ProcessState.ExitCode())
	case <-time.After(most):
		t.Fatalf("process %d said nothing for %s", p.Pid(), most)
	}
	return ""
}
