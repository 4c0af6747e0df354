package crew

import (
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/queue/queuetest/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCrew: any number of tasks are done side by side, few workers stay, the next tasks are theirs, and End
// waits for all.
func TestCrew(t *testing.T) {
	const mostIdle, tasks = 4, 20
	c := New(mostIdle)
	var begun sync.WaitGroup
	begun.Add(tasks)
	free := make(chan struct{})
	for range tasks {
		c.Do(func() { begun.Done(); <-free })
	}
	begun.Wait()
	close(free)
	await.That(t, "few workers stay", func() bool { return c.idle.Load() == mostIdle })
	hold, done := make(chan struct{}), false
	await.That(t, "an idle worker takes a task", func() bool {
		c.Do(func() { <-hold })
		return c.idle.Load() < mostIdle
	})
	c.Do(func() { <-hold; done = true })
	close(hold)
	c.End()
	if !done {
		t.Error("a task was not done")
	}
}
