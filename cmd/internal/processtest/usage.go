package processtest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTicks is how many of them /proc counts in a second: 100 on every Linux that Go knows.
const clockTicks = 100

// Usage is what a running process has taken so far, as /proc tells it.
type Usage struct {
	CPU         time.Duration
	RSS, Peak   int64 // bytes of memory now, and at most so far
	Descriptors int
}

// Usage reads the figures of the process.
func (p *Process) Usage() (Usage, error) { return UsageOf(p.Pid()) }

// UsageOf reads the figures of any process. It fails where there is no /proc, and for one that has ended.
func UsageOf(pid int) (u Usage, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return u, err
	}
	// The second field is the program's name in brackets and may hold anything; utime and stime are 14 and
	// 15.
	_, rest, ok := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return u, fmt.Errorf("%s/stat is not as expected: %q", dir, stat)
	}
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return u, err
		}
		u.CPU += time.Duration(n) * time.Second / clockTicks
	}
	if err := u.readMemory(filepath.Join(dir, "status")); err != nil {
		return u, err
	}
	open, err := os.ReadDir(filepath.Join(dir, "fd"))
	u.Descriptors = len(open)
	return u, err
}

func (u *Usage) readMemory(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(sc.Text(), "VmRSS: %d kB", &kib); n == 1 {
			u.RSS = kib << 10
		}
		if n, _ := fmt.Sscanf(sc.Text(), "VmHWM: %d kB", &kib); n == 1 {
			u.Peak = kib << 10
		}
	}
	return nil
}
