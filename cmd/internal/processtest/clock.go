package processtest

// ClockVariable sets the wall clock of a daemon that BuildDaemon built ahead by so many seconds, or back: "-31". Its
// monotonic clock is right, as on a machine whose clock was set wrong.
//
// The product has no hook for that, and needs none: the build puts another file in the place of the standard library's
// time/time.go (go build -overlay), so every time.Now of the process, those of NATS and net/http too, is wrong alike.
// libfaketime cannot do it, for Go asks the kernel's vDSO and not libc.
const ClockVariable = "OTPGW_TEST_CLOCK"

const skewSource = `package time

import "syscall"

// skew is how many seconds the wall clock is set ahead.
var skew = func() (n int64) {
	text, _ := syscall.Getenv("` + ClockVariable + `")
	sign := int64(1)
	for i, c := range []byte(text) {
		if i == 0 && c == '-' {
			sign = -1
			continue
		}
		if c < '0' || c > '9' {
			panic("` + ClockVariable + ` is no number of seconds")
		}
		n = n*10 + int64(c-'0')
	}
	return sign * n
}()
`

// clockPatch is a package time whose wall clock ClockVariable sets.
var clockPatch = patch{pkg: "time", added: skewSource, edits: []edit{{"time.go",
	"func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n", "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n\tsec += skew\n"}}}
