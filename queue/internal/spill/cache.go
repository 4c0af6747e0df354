package spill

import "sync"

// cached is how many blocks are kept as they were read: values that are asked for together were often written
// together.
const cached = 16

// cache has the blocks that were read last. Its zero value is empty.
type cache struct {
	mu     sync.Mutex // guards the rest
	blocks [cached]struct {
		serial uint64 // of its segment; 0: none
		at     int64
		data   []byte
		used   uint64
	}
	uses uint64
}

func (c *cache) get(serial uint64, at int64) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.blocks {
		if b := &c.blocks[i]; b.serial == serial && b.at == at {
			c.uses++
			b.used = c.uses
			return b.data, true
		}
	}
	return nil, false
}

// put takes a block in, in the place of the one that was not used for longest.
func (c *cache) put(serial uint64, at int64, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	oldest := &c.blocks[0]
	for i := range c.blocks {
		if b := &c.blocks[i]; b.used < oldest.used {
			oldest = b
		}
	}
	c.uses++
	oldest.serial, oldest.at, oldest.data, oldest.used = serial, at, data, c.uses
}
