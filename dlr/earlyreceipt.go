package dlr

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A carrier may send a receipt in the same instant as its submit_sm_resp, and the two are worked on side by
// side. So a receipt whose id is not known waits for a moment in memory, until the id is stored, before it is
// parked in the store.
const (
	overtakenWait = 30 * time.Millisecond
	maxOvertaken  = 256 // receipts that wait; more are parked at once
)

// overtaken are the receipts that wait, by the keys that their message may be put under.
type overtaken struct {
	mu      sync.Mutex // guards the rest
	waiting map[string][]chan<- struct{}
	count   int

	patience time.Duration
}

func newOvertaken() *overtaken {
	return &overtaken{waiting: make(map[string][]chan<- struct{}), patience: overtakenWait}
}

// put wakes the receipts that wait for a key.
func (o *overtaken) put(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, woken := range o.waiting[key] {
		select {
		case woken <- struct{}{}:
		default: // it is awake
		}
	}
	delete(o.waiting, key)
}

// wait returns true when one of the keys was put; look says whether that was so before anybody waited.
func (o *overtaken) wait(ctx context.Context, keys []string, look func() bool) bool {
	woken := make(chan struct{}, 1)
	if !o.begin(keys, woken) {
		return false
	}
	defer o.end(keys, woken)
	if look() {
		return true
	}
	enough := time.NewTimer(o.patience)
	defer enough.Stop()
	select {
	case <-woken:
		return true
	case <-enough.C:
	case <-ctx.Done():
	}
	return false
}

func (o *overtaken) begin(keys []string, woken chan<- struct{}) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count >= maxOvertaken {
		return false
	}
	o.count++
	for _, k := range keys {
		o.waiting[k] = append(o.waiting[k], woken)
	}
	return true
}

func (o *overtaken) end(keys []string, woken chan<- struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count--
	for _, k := range keys {
		left := slices.DeleteFunc(o.waiting[k], func(c chan<- struct{}) bool { return c == woken })
		if o.waiting[k] = left; len(left) == 0 {
			delete(o.waiting, k)
		}
	}
}

// awaitPut waits for the message of a receipt to be put; false when that is not about to happen.
func (x *Index) awaitPut(ctx context.Context, link string, rule IDMatch, ids ...string) bool {
	var keys []string
	for _, id := range ids {
		for c := range candidates(rule, id) {
			keys = append(keys, keyOf(link, c.form))
		}
	}
	return x.overtaken.wait(ctx, keys, func() bool {
		return slices.ContainsFunc(keys, func(k string) bool {
			c, known := x.cache.get(k)
			return known && c.stored
		})
	})
}
