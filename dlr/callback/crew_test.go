package callback

import (
	"sync"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// TestCrew: any number of tasks are done side by side, few workers stay, the next tasks are theirs, and end waits for
// all.
func TestCrew(t *testing.T) {
	c := newCrew()
	const tasks = 3 * mostIdle
	var begun sync.WaitGroup
	begun.Add(tasks)
	free := make(chan struct{})
	for range tasks {
		c.do(func() { begun.Done(); <-free })
	}
	begun.Wait()
	close(free)
	await.That(t, "few workers stay", func() bool { return c.idle.Load() == mostIdle })
	hold, done := make(chan struct{}), false
	await.That(t, "an idle worker takes a task", func() bool {
		c.do(func() { <-hold })
		return c.idle.Load() < mostIdle
	})
	c.do(func() { <-hold; done = true })
	close(hold)
	c.end()
	if !done {
		t.Error("a task was not done")
	}
}
