//go:build unix

package queue

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLockIsGivenBack: a directory that was given back is free at once, also while a process that is being
// started still has its parent's descriptors.
func TestLockIsGivenBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := lockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	childs, err := unix.Dup(int(lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(childs)
	if second, err := lockFile(path); err == nil {
		unlockFile(second)
		t.Fatal("it is taken twice")
	}
	unlockFile(lock)
	again, err := lockFile(path)
	if err != nil {
		t.Fatalf("given back: %v", err)
	}
	unlockFile(again)
}
