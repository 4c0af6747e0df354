package torture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// crashLine begins what a program says when it breaks. The gateway's API survives a panic and logs its stack;
// so does net/http.
var crashLine = regexp.MustCompile(`panic:|panic serving |fatal error:|WARNING: DATA RACE|goroutine \d+ \[`)

// Bounds of what is kept of crashes to be shown.
const (
	crashLines = 80 // of one
	logLine    = 1 << 20
)

// crash is a panic, an end by the runtime, a data race or a dump of goroutines in a log.
type crash struct {
	log   string
	lines []string
}

func (c crash) String() string {
	first := c.lines[0]
	return c.log + ": " + first[:min(len(first), 200)]
}

// crashFinder finds crashes, line by line. All that a program says up to the next line of its log, or to the
// end of a report of the race detector, is one.
type crashFinder struct {
	log    string
	found  []crash
	within bool
}

func (f *crashFinder) line(line string) {
	logged := strings.HasPrefix(line, "{")
	if logged || strings.HasPrefix(line, "====") {
		f.within = false
	}
	switch {
	case f.within:
		if last := &f.found[len(f.found)-1]; len(last.lines) < crashLines {
			last.lines = append(last.lines, line)
		}
	case crashLine.MatchString(line):
		f.found = append(f.found, crash{f.log, []string{line}})
		f.within = !logged
	}
}

func (f *crashFinder) scan(r io.Reader) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, logLine)
	for in.Scan() {
		f.line(in.Text())
	}
	return in.Err()
}

const logSuffix = ".log"

// logOf is where a process's lines go, of its own file.
func (w *world) logOf(name string) func(line string) {
	w.t.Helper()
	file, err := os.Create(filepath.Join(w.dir, name+logSuffix))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { file.Close() })
	return func(line string) { fmt.Fprintln(file, line) }
}

// scanLogs looks for crashes in the logs of the daemons and of their peers; not in the stores, and not in what
// NATS says, which is none of ours.
func (w *world) scanLogs() error {
	names, err := filepath.Glob(filepath.Join(w.dir, "*"+logSuffix))
	if err == nil && len(names) < len(w.daemons)+2 {
		err = fmt.Errorf("there are the logs %q only", names)
	}
	for _, name := range names {
		err = errors.Join(err, w.scanLog(name))
	}
	return err
}

func (w *world) scanLog(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	f := &crashFinder{log: filepath.Base(name)}
	err = f.scan(file)
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	w.ledger.crashes = append(w.ledger.crashes, f.found...)
	return err
}

// showCrashes logs the first of them whole.
func (w *world) showCrashes() {
	for _, c := range w.ledger.crashes[:min(len(w.ledger.crashes), maxWays)] {
		w.t.Logf("%s:\n%s", c.log, strings.Join(c.lines, "\n"))
	}
}

func TestCrashFinder(t *testing.T) {
	const logged = `{"level":"info","message":"request"}` + "\n"
	const dump = "panic: x\n\tpanic: y\n\ngoroutine 1 [running]:\nmain.main()\n\ngoroutine 2 [select]:\nmain.b()\nexit status 2\n"
	const race = "==================\nWARNING: DATA RACE\nWrite at 0x1 by goroutine 7:\n  main.f()\n\nGoroutine 7 (running) created at:\n  main.main()\n==================\n"
	for text, want := range map[string]int{
		logged:                 0,
		logged + dump:          1,
		dump + logged + dump:   2,
		logged + race + logged: 1,
		race + race:            2,
		race + dump:            2,
		"fatal error: concurrent map writes\n\ngoroutine 9 [running]:\n":                                      1,
		"SIGQUIT: quit\n\ngoroutine 0 gp=0x1 m=0 mp=0x2 [idle]:\n\ngoroutine 1 [select]:\n":                   1,
		`{"level":"error","stack":"goroutine 8 [running]:\nmain.f()","message":"panic while serving"}` + "\n": 1,
		`{"level":"error","message":"http: panic serving 127.0.0.1:1: x"}` + "\n" + logged:                    1,
		`{"level":"warn","message":"the store is in a panic, and 3 goroutines wait"}` + "\n":                  0,
	} {
		f := &crashFinder{log: "x"}
		if err := f.scan(strings.NewReader(text)); err != nil || len(f.found) != want {
			t.Errorf("found %d of %d, %v, in\n%s", len(f.found), want, err, text)
		}
	}
}
