package otp

import (
	"slices"
	"sync"
)

// recentSize is how many records each of the two halves of recent holds: about 1 KiB each.
const recentSize = 8192

// recent remembers the records this daemon wrote last, with their revision, so that the receipt and the callback that follow
// an OTP need not read it again. It is a hint: what it holds may be old, for another daemon may have changed the record.
// A change made on it is caught by the compare-and-set, and nothing else is decided by it; GET and verify read the store.
type recent struct {
	mu       sync.Mutex
	new, old map[string]known // when new is full it becomes old
}

// known is a record as it was at a revision. It is never changed.
type known struct {
	record   Record
	revision uint64
}

func (c *recent) put(r *Record, revision uint64) {
	k := known{r.clone(), revision}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.new) >= recentSize || c.new == nil {
		c.old, c.new = c.new, make(map[string]known, recentSize)
	}
	c.new[r.ID] = k
}

// get returns a copy that the caller may change.
func (c *recent) get(id string) (*Record, uint64, bool) {
	c.mu.Lock()
	k, ok := c.new[id]
	if !ok {
		k, ok = c.old[id]
	}
	c.mu.Unlock()
	if !ok {
		return nil, 0, false
	}
	r := k.record.clone()
	return &r, k.revision, true
}

// forget is for a record that turned out to be old.
func (c *recent) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.new, id)
	delete(c.old, id)
}

// clone copies what a change may write to.
func (r *Record) clone() Record {
	c := *r
	c.Changes = slices.Clone(r.Changes)
	c.Delivery.Parts = slices.Clone(r.Delivery.Parts)
	c.Others = slices.Clone(r.Others)
	for i := range c.Others {
		c.Others[i].Delivery.Parts = slices.Clone(c.Others[i].Delivery.Parts)
	}
	return c
}
