package processtest

import "syscall"

// endWithParent has the system kill the process when ours dies, so that a test that is killed leaves nothing
// behind.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
