//go:build unix

package intake

import "golang.org/x/sys/unix"

// raise lifts the process's limit of descriptors as far as it may, and returns it; 0 when it is not known.
func raise() uint64 {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 0
	}
	if r.Cur < r.Max {
		higher := r
		higher.Cur = r.Max
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &higher) == nil {
			r = higher
		}
	}
	return uint64(r.Cur)
}
