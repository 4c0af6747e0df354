package queue

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/rs/zerolog"
)

// Options says which server to use and what to make there.
type Options struct {
	Dir string // data directory of the embedded server; the store is in Dir/nats. Used when URL is empty.

	URL      string // external server or cluster, comma-separated
	Creds    string // credentials file for URL; empty for none
	Replicas int    // copies of each stream in a cluster; 0 means 1

	SyncInterval time.Duration // fsync interval of the embedded store; 0 means one second
	SyncAlways   bool          // fsync each write before it is answered: about 6,000 writes/s in all

	Size          int64         // octets on disk, on each server that has a copy; 0: its own bounds, and of a store here no more than fits
	Memory        int64         // octets that the process may take; see MemoryBound; from hotShare of that on, values that are seldom asked for go to a file in Dir; 0: no bound
	ColdAtOnce    bool          // what leaves the memory for a file when there is much of it does so at once: for tests
	Patience      time.Duration // of who can be told to come again, with a store that does not answer; 0 is 1.5 s
	SnapshotEvery int64         // octets of the log between two snapshots of the state; 0 is a default
	SnapshotLease time.Duration // until another daemon writes one in the place of a daemon that was killed over it; 0 is a default

	Check bool // it is only looked at: the next start finds what this one found, see Lost

	Routes []string // one work queue each; AddRoute makes more
	Log    zerolog.Logger
	Bounds Bounds
}

// Bound is how much one asset may hold. Zero fields take the default of that asset.
type Bound struct {
	Msgs  int64         // messages, or keys of a bucket
	Bytes int64         // on disk, and per replica
	Age   time.Duration // oldest message kept
}

// Bounds are those of every asset. The defaults, and what happens at the bound, are in the table of assets.go. The
// server holds about 250 bytes of memory for each stored key of a bucket and 50 for each message of a stream.
type Bounds struct {
	Log, Records, Receipts, Endpoints, Holds Bound
	Tokens, Answers, Numbers, Guard          Bound
	SMS, Events, Parked, DeadLetters         Bound
}

var routeName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// validate fills defaults and reports what cannot be opened.
func (o *Options) validate() error {
	if o.URL == "" && o.Dir == "" {
		return errors.New("queue: neither a data directory nor a server URL is set")
	}
	if o.Replicas == 0 || o.URL == "" {
		o.Replicas = 1
	}
	if o.Replicas < 1 || o.Replicas > 5 {
		return fmt.Errorf("queue: %d replicas; NATS takes 1 to 5", o.Replicas)
	}
	if o.Size != 0 && o.Size < leastStore {
		return fmt.Errorf("queue: a store of %d MiB is too small to work in; at least %d are needed", o.Size/mib, leastStore/mib)
	}
	if o.SyncInterval <= 0 {
		o.SyncInterval = time.Second
	}
	if o.Patience <= 0 {
		o.Patience = patience
	}
	seen := make(map[string]bool)
	for _, r := range o.Routes {
		if !routeName.MatchString(r) {
			return fmt.Errorf("queue: route name %q; letters, digits, - and _ only", r)
		}
		if seen[r] {
			return fmt.Errorf("queue: route %q is named twice", r)
		}
		seen[r] = true
	}
	return nil
}
