//go:build !linux

package processtest

import "syscall"

// endWithParent: only Linux can; elsewhere a killed test leaves its daemons to be found by who killed it.
func endWithParent() *syscall.SysProcAttr { return nil }
