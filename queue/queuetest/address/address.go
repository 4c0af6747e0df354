// Package address gives tests addresses to listen on that are theirs for the whole test, also while nobody
// listens there.
package address

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports of Free are below those that systems give to whoever asks for any: between the choice of such
// a one and its use, and while a server is down, a connection of another test could take it.
const (
	lowestPort  = 12_000
	highestPort = 30_000
	portTries   = 1000
)

// Free are n addresses of this machine where nobody listens now, and where nobody comes to listen by
// chance.
func Free(t testing.TB, n int) (addresses []string) {
	t.Helper()
	for range portTries {
		if len(addresses) == n {
			return addresses
		}
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowestPort+rand.IntN(highestPort-lowestPort)))
		if err != nil {
			continue
		}
		defer ln.Close() // all at once, so that no two are the same
		addresses = append(addresses, ln.Addr().String())
	}
	t.Fatalf("no %d ports are free", n)
	return nil
}
