package processtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// ErrNotReady: the daemon ended, or the time was over, before it was ready.
var ErrNotReady = errors.New("the daemon did not get ready")

// Ended is the error of a daemon that ended before it was ready.
type Ended struct {
	Status int // -1: by a signal
	Last   string
}

func (e Ended) Error() string {
	return fmt.Sprintf("%v: it ended with status %d, its last line: %s", ErrNotReady, e.Status, e.Last)
}

// Unwrap: it is one way not to get ready.
func (e Ended) Unwrap() error { return ErrNotReady }

// Daemon is an otpgw that said it is ready.
type Daemon struct {
	*Process
	HTTP, Admin string // base URLs
}

// StartDaemon starts a program of BuildDaemon with that environment, and waits until it is ready, for as long
// as most. Each line of its log goes to log, which may be nil.
func StartDaemon(t testing.TB, program string, env map[string]string, log func(string), most time.Duration) (*Daemon, error) {
	ready := make(chan string, 1)
	var last string
	p, err := Start(t, Options{Program: program, Env: env, Stderr: func(line string) {
		if strings.Contains(line, `"message":"ready"`) {
			select {
			case ready <- line:
			default:
			}
		}
		last = line
		if log != nil {
			log(line)
		}
	}})
	if err != nil {
		return nil, err
	}
	select {
	case line := <-ready:
		var said struct{ HTTP, Admin string }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			p.Kill()
			return nil, fmt.Errorf("%w: %q: %w", ErrNotReady, line, err)
		}
		return &Daemon{Process: p, HTTP: "http://" + said.HTTP, Admin: "http://" + said.Admin}, nil
	case <-p.Exited():
		return nil, Ended{Status: p.cmd.ProcessState.ExitCode(), Last: last}
	case <-time.After(most):
		p.Kill()
		return nil, fmt.Errorf("%w in %s, its last line: %s", ErrNotReady, most, last)
	}
}
