package link_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// weighted runs a route over links of one priority with these weights, each to an SMSC of its own.
func (r *rig) weighted(change func(*link.Config), weights ...int) []*link.Link {
	r.t.Helper()
	var links []*link.Link
	for i, weight := range weights {
		own := startSecond(r.t, smsc.Config{})
		links = append(links, r.link(r.config(func(c *link.Config) {
			c.Name, c.Addr, c.Window = fmt.Sprint("link", i), own.Addr(), 50
			c.Routes = []link.Route{{Name: queuetest.Route, Weight: weight}}
			if change != nil {
				change(c)
			}
		})))
	}
	link.Introduce(links)
	for _, l := range links {
		r.run(l)
	}
	r.up(links...)
	for sent := make(map[string]bool); len(sent) < len(links); { // until each of them pulls
		r.put(warmUp, "code")
		sent[next(r.t, r.sink.accepted).Link] = true
	}
	return links
}

// count takes n answers and counts them by link.
func (r *rig) count(n int, counts map[string]int) {
	r.t.Helper()
	for range n {
		counts[next(r.t, r.sink.accepted).Link]++
	}
}

// TestWeights: links of one priority send what their weights say, of messages that come one by one as well as
// of many that wait.
func TestWeights(t *testing.T) {
	t.Parallel()
	const n = 400
	for _, c := range []struct {
		name    string
		weights []int
		waiting bool
	}{
		{"3 to 1, one by one", []int{3, 1}, false},
		{"3 to 1, all at once", []int{3, 1}, true},
		{"1 to 1 to 8, one by one", []int{1, 1, 8}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, smsc.Config{})
			// A link whose window is full leaves what it is due to others; on a busy machine one of 50 may be.
			links := r.weighted(func(c *link.Config) { c.Window = n }, c.weights...)
			counts, sum := make(map[string]int), 0
			for _, l := range links {
				l.Pause(c.waiting)
			}
			for i := range n {
				r.put(fmt.Sprintf("+467000%05d", i), "code")
				if !c.waiting {
					r.count(1, counts)
				}
			}
			if c.waiting {
				for _, l := range links {
					l.Pause(false)
				}
				r.count(n, counts)
			}
			for _, w := range c.weights {
				sum += w
			}
			for i, w := range c.weights {
				want := float64(n*w) / float64(sum) // four standard deviations of independent draws are 0.09 n and less
				if got := float64(counts[links[i].Name()]); got < want-0.09*n || got > want+0.09*n {
					t.Errorf("%s of weight %d sent %.0f of %d, want about %.0f: %v", links[i].Name(), w, got, n, want, counts)
				}
			}
		})
	}
}

// TestWeightsHoldNothingUp: what a link is due and cannot send goes over the others.
func TestWeightsHoldNothingUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	links := r.weighted(func(c *link.Config) {
		if c.Name == "link0" {
			c.TPS, c.Window = 2, 1
		}
	}, 3, 1)
	const n = 300
	began, counts := time.Now(), make(map[string]int)
	for i := range n {
		r.put(fmt.Sprintf("+467000%05d", i), "code")
	}
	r.count(n, counts)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("%d messages took %s, most of which only a link of 2 a second was due: %v", n, took, counts)
	}
	links[0].Pause(true)
	for i := range 20 {
		r.put(fmt.Sprintf("+467001%05d", i), "code")
	}
	counts = make(map[string]int)
	r.count(20, counts)
	if counts["link1"] < 18 { // link0 may have had its hands on one or two
		t.Errorf("a paused link still sends: %v", counts)
	}
}
