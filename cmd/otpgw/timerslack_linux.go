package main

import (
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how much later than asked the kernel may wake a thread that sleeps, so that several wake-ups
// become one. Linux gives a thread 50 us. While anything is under way Go's runtime looks after its threads
// in sleeps of 20 us, which at 200 OTPs a second was a seventh of all CPU; what this program waits for by
// time is a millisecond or more. cmd/otpgw/measure has what it saves.
const timerSlack = 500 * time.Microsecond

// slackIsSet tells the program that was started anew that it was, where the kernel forgets the slack.
const slackIsSet = "OTPGW_TIMER_SLACK_IS_SET"

// coarseTimers gives all threads of the process a timer slack. A thread has that of the one that made it, and
// the runtime's own is there before main, so the program starts itself anew: the process, what it has open
// and what supervises it stay. Where that cannot be nothing is lost but some CPU.
func coarseTimers() {
	if os.Getenv(slackIsSet) != "" {
		_ = os.Unsetenv(slackIsSet)
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	now, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || now >= int(timerSlack) {
		return
	}
	program, err := os.Executable()
	if err != nil || unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) != nil {
		return
	}
	_ = unix.Exec(program, os.Args, append(os.Environ(), slackIsSet+"=yes"))
}
