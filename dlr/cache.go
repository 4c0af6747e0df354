package dlr

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of the cache: a receipt right behind its response is what it is for, so a minute is long, and 16,384
// ids are about 8 MB. Older ids are looked up in the bucket.
const (
	cacheSize = 16384
	cacheLife = time.Minute
)

// slot is one key of the cache.
type slot struct {
	chain  chain
	stored bool // the bucket has it, with what else it holds under this key
	at     time.Time
}

// cache keeps the ids of the last moments, those included that are still on their way into the bucket.
// It forgets first the key that was put the longest time ago.
type cache struct {
	mu    sync.Mutex
	slots *simplelru.LRU[string, *slot] // guarded by mu, as what is in them; looked up by Peek, so that the order is that of put
	now   func() time.Time
}

func newCache(size int, now func() time.Time) *cache {
	slots, _ := simplelru.NewLRU[string, *slot](size, nil) // fails for a size of 0
	return &cache{slots: slots, now: now}
}

// put adds what is about to be stored; the slot is for confirm.
func (c *cache) put(key string, s stored) *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if at, ok := c.slots.Get(key); ok && now.Sub(at.at) <= cacheLife { // the newest again
		at.chain, at.stored, at.at = at.chain.with(s), false, now
		return at
	}
	at := &slot{chain: chain{s}, at: now}
	c.slots.Add(key, at)
	return at
}

// confirm replaces what is in a slot by what the bucket holds now.
func (c *cache) confirm(s *slot, list chain) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.chain, s.stored = list, true
}

func (c *cache) get(key string) (slot, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.slots.Peek(key)
	if !ok || c.now().Sub(s.at) > cacheLife {
		return slot{}, false
	}
	return *s, true
}
