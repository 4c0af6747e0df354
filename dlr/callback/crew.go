package callback

import (
	"sync"
	"sync/atomic"
)

// mostIdle is how many workers stay that have nothing to do.
const mostIdle = 32

// crew does what is done beside the lanes' mu: sealing and sending. A worker stays for the next task, for the
// stack of a new one would have to grow with each request.
type crew struct {
	tasks chan func() // for a worker that is idle
	over  chan struct{}
	idle  atomic.Int32 // workers that are, or are about to be
	all   sync.WaitGroup
}

func newCrew() *crew { return &crew{tasks: make(chan func()), over: make(chan struct{})} }

// do has a task done by a worker that is idle, or by one more. It does not wait.
func (c *crew) do(task func()) {
	select {
	case c.tasks <- task:
	default:
		c.all.Go(func() { c.work(task) })
	}
}

func (c *crew) work(task func()) {
	for {
		task()
		if c.idle.Add(1) > mostIdle {
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

// end waits until all that was begun is done. Nothing more is to be begun but by that.
func (c *crew) end() {
	close(c.over)
	c.all.Wait()
}
