// Package crew does tasks side by side, as if each had a goroutine of its own, on goroutines that stay: the
// stack of a new one would have to grow with each task, again and again.
package crew

import (
	"sync"
	"sync/atomic"
)

// Crew does tasks. Make it with New; its methods may be called from many goroutines.
type Crew struct {
	tasks chan func() // for a worker that is idle
	over  chan struct{}
	most  int32
	idle  atomic.Int32 // workers that are, or are about to be
	all   sync.WaitGroup
}

// New makes a crew of which so many workers stay that have nothing to do: as many as are set free at once.
func New(mostIdle int) *Crew {
	return &Crew{tasks: make(chan func()), over: make(chan struct{}), most: int32(mostIdle)}
}

// Do has a task done by a worker that is idle, or by one more. It does not wait.
func (c *Crew) Do(task func()) {
	select {
	case c.tasks <- task:
	default:
		c.all.Go(func() { c.work(task) })
	}
}

func (c *Crew) work(task func()) {
	for {
		task()
		if c.idle.Add(1) > c.most {
			c.idle.Add(-1)
			return
		}
		select {
		case task = <-c.tasks:
			c.idle.Add(-1)
		case <-c.over:
			return
		}
	}
}

// End waits until all is done that was begun. Nothing more is begun then but by that.
func (c *Crew) End() {
	close(c.over)
	c.all.Wait()
}
