package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// coarseMode makes the test binary a process with coarse timers.
const coarseMode = "coarse timers"

func init() { processes[coarseMode] = coarseProcess }

func coarseProcess() {
	coarseTimers()
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	fmt.Println("ready", os.Getpid(), os.Getenv(slackIsSet))
	<-end
}

// TestCoarseTimers: each thread of the process has the slack, the runtime's own too, which was there first; the process
// is the one that was started, and its environment the one that it was given.
func TestCoarseTimers(t *testing.T) {
	t.Parallel()
	p := spawn(t, map[string]string{processMode: coarseMode})
	line, ok := p.stdout.find(func(s string) bool { return strings.HasPrefix(s, "ready") })
	if want := fmt.Sprint("ready ", p.Pid(), " "); !ok || line != want {
		t.Fatalf("it says %q, want %q", line, want)
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", p.Pid()))
	if err != nil || len(threads) < 2 {
		t.Fatalf("threads %q, %v", threads, err)
	}
	for _, thread := range threads {
		id := filepath.Base(thread)
		data, err := os.ReadFile(filepath.Join("/proc", id, "timerslack_ns"))
		switch {
		case os.IsNotExist(err): // it has ended
		case err != nil:
			t.Skipf("who may not trace a process is not told its slack: %v", err)
		default:
			if ns, err := strconv.Atoi(strings.TrimSpace(string(data))); err != nil || ns != int(timerSlack) {
				t.Errorf("thread %s has a slack of %s ns, %v", id, data, err)
			}
		}
	}
	if code := p.stop(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
}
