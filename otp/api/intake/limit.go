package intake

// What a daemon may have of connections.
const (
	// most bounds memory: a connection with its goroutine and buffers is some 20 KiB.
	most = 8192
	// reserve is what the store, links and callbacks keep of the descriptors; of a small limit they keep
	// half.
	reserve = 4096
)

// Limit raises the process's limit of descriptors as far as it may and says how many connections a server
// should take below it.
func Limit() int { return below(raise()) }

func below(descriptors uint64) int {
	if descriptors == 0 || descriptors >= most+reserve {
		return most
	}
	if descriptors <= 2*reserve {
		return max(1, int(descriptors/2))
	}
	return int(descriptors - reserve)
}
