package processtest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// ClockVariable sets the wall clock of a daemon that BuildDaemon built ahead by so many seconds, or back:
// "-31"; or by what a Clock says, which may change while it runs. Its monotonic clock is right, as on a
// machine whose clock was set wrong.
//
// The product has no hook for that, and needs none: the build puts another file in the place of the standard
// library's time/time.go (go build -overlay), so every time.Now of the process, those of NATS and net/http
// too, is wrong alike. libfaketime cannot do it, for Go asks the kernel's vDSO and not libc.
const ClockVariable = "OTPGW_TEST_CLOCK"

// Clock is by how much the wall clock of a process is set wrong: a file that the process has in its memory.
type Clock struct {
	t    testing.TB
	file *os.File
}

// NewClock makes one that is right.
func NewClock(t testing.TB) *Clock {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "clock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	c := &Clock{t, f}
	c.Set(0)
	return c
}

// Value is what ClockVariable is to be.
func (c *Clock) Value() string { return c.file.Name() }

// Set sets the wall clock ahead by so much, or back.
func (c *Clock) Set(ahead time.Duration) {
	c.t.Helper()
	if _, err := c.file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(int64(ahead/time.Second))), 0); err != nil {
		c.t.Fatal(err)
	}
}

const skewSource = `package time

import (
	"syscall"
	"unsafe"
)

// skew is how many seconds the wall clock is set ahead: in memory of this process, or that of a file.
var skew = func() *int64 {
	text, _ := syscall.Getenv("` + ClockVariable + `")
	if len(text) > 0 && text[0] == '/' {
		return mappedSkew(text)
	}
	n, sign := new(int64), int64(1)
	for i, c := range []byte(text) {
		if i == 0 && c == '-' {
			sign = -1
			continue
		}
		if c < '0' || c > '9' {
			panic("` + ClockVariable + ` is no number of seconds")
		}
		*n = *n*10 + int64(c-'0')
	}
	*n *= sign
	return n
}()

func mappedSkew(name string) *int64 {
	fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic("` + ClockVariable + `: " + err.Error())
	}
	b, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("` + ClockVariable + `: " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&b[0]))
}
`

// clockPatch is a package time whose wall clock ClockVariable sets.
var clockPatch = patch{pkg: "time", added: skewSource, edits: []edit{{"time.go",
	"func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n", "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n\tif skew != nil {\n\t\tsec += *skew\n\t}\n"}}}
