package queue

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// oldestServer is the oldest version of nats-server that is worked with: the one that the torture run passes
// on. What an older one may do is in knownFaults; that it would be the last of them is not known.
//
// It is a variable so that a build can have the torture run try others (see cmd/otpgw/torture).
var oldestServer = "v2.14.10"

// knownFaults are why older servers are not believed, by the first version that does not have the fault; the
// issues are nats-server's.
var knownFaults = []struct{ mended, fault string }{
	{"v2.12.0", "it has no counters and no scheduled messages, which the gateway needs"},
	{"v2.12.3", "copies of messages that are in work, and calls that stand still, under load (issue 7633)"},
	{"v2.14.0", "a kill -9 while the log's beginning is removed may empty the log, and so lose what was accepted (issue 7676)"},
	{"v2.14.7", "values that are deleted before their time leave timers behind, which take memory and CPU without end (issue 8594)"},
}

// checkVersion refuses a server older than oldestServer, and says what its version is known for.
func checkVersion(version string) error {
	v := "v" + strings.TrimPrefix(version, "v")
	if semver.IsValid(v) && semver.Compare(v, oldestServer) >= 0 {
		return nil
	}
	for _, k := range knownFaults {
		if semver.IsValid(v) && semver.Compare(v, k.mended) < 0 {
			return fmt.Errorf("%w: it is version %q, and %s or newer is needed; its version is known for this: %s", ErrVersion, version, oldestServer[1:], k.fault)
		}
	}
	return fmt.Errorf("%w: it is version %q, and %s or newer is needed, the oldest that was tried under faults", ErrVersion, version, oldestServer[1:])
}

// Servers are the versions of the NATS servers that the connections are to now.
func (q *Queue) Servers() []string {
	seen := make(map[string]bool)
	for _, c := range q.conns {
		if v := c.ConnectedServerVersion(); v != "" {
			seen[v] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
