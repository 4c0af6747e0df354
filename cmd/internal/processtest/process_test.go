package processtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
)

// most bounds what a process takes to do next to nothing on a busy machine.
const most = time.Minute

func TestMain(m *testing.M) {
	processtest.Main(m, map[string]processtest.Role{"echo": echo, "fail": func(context.Context, []byte) error { return os.ErrInvalid }})
}

// echo says its plan, and something more when it ends.
func echo(ctx context.Context, plan []byte) error {
	var word string
	if err := json.Unmarshal(plan, &word); err != nil {
		return err
	}
	fmt.Println(word)
	<-ctx.Done()
	fmt.Println("end")
	return nil
}

func TestRole(t *testing.T) {
	lines := processtest.NewLines()
	p := processtest.StartRole(t, "echo", "a plan", lines.Add)
	if got := lines.Next(t, p, most); got != "a plan" {
		t.Errorf("it said %q", got)
	}
	if runtime.GOOS == "linux" {
		u, err := p.Usage()
		if err != nil || u.RSS <= 0 || u.Peak < u.RSS || u.Descriptors < 3 {
			t.Errorf("usage %+v, %v", u, err)
		}
	}
	p.Pause()
	p.Resume()
	if status := p.End(most); status != 0 {
		t.Errorf("status %d", status)
	}
	if got := lines.Next(t, p, most); got != "end" {
		t.Errorf("its last word was %q", got)
	}
	if p.CPU() <= 0 {
		t.Error("it used no CPU")
	}
	p.Kill() // does nothing, and does not wait
}

func TestRoleThatFails(t *testing.T) {
	if status := processtest.StartRole(t, "fail", nil, nil).End(most); status != 1 {
		t.Errorf("status %d", status)
	}
}

func TestKillAndTerminate(t *testing.T) {
	for name, end := range map[string]func(*processtest.Process) int{
		"kill":      func(p *processtest.Process) int { p.Kill(); return -1 },
		"terminate": func(p *processtest.Process) int { return p.Terminate(most) },
	} {
		lines := processtest.NewLines()
		p := processtest.StartRole(t, "echo", "up", lines.Add)
		lines.Next(t, p, most)
		if status := end(p); status != -1 { // by a signal
			t.Errorf("%s: status %d", name, status)
		}
		select {
		case <-p.Exited():
		default:
			t.Errorf("%s: it runs on", name)
		}
	}
}
