package queue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestSharesByCountry: what a puller is due may differ from country to country, and one that is due nothing
// somewhere gets nothing of it while others ask.
func TestSharesByCountry(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	q := queuetest.Open(t)
	type taken struct{ by, country string }
	got := make(chan taken, 1)
	for name, shares := range map[string]map[string]float64{"a": {"SE": 9, "NO": 0, "": 1}, "b": {"SE": 1, "NO": 5, "": 1}} {
		p, err := q.SMS(queuetest.Route).Pull(ctx, queue.PullOptions{Max: 10, Name: name, Share: func(country string) float64 { return shares[country] }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Stop)
		go func() {
			for {
				d, err := p.Next(ctx)
				if err != nil {
					return
				}
				m, err := queue.ParseOutbound(d.Data)
				if err == nil {
					err = d.Ack(ctx)
				}
				if err != nil {
					t.Error(err)
					return
				}
				got <- taken{name, m.Country}
			}
		}()
	}
	counts := make(map[taken]int)
	const n = 200
	for i := range n {
		for _, country := range []string{"SE", "NO", ""} {
			now := time.Now()
			m := queue.Outbound{ID: fmt.Sprint(country, i), Route: queuetest.Route, Country: country, Created: now, Expires: now.Add(time.Minute)}
			if err := q.PublishSMS(ctx, m); err != nil {
				t.Fatal(err)
			}
			select {
			case one := <-got:
				counts[one]++
			case <-ctx.Done():
				t.Fatal("a message is not handed out")
			}
		}
	}
	for country, share := range map[string]float64{"SE": 0.9, "NO": 0, "": 0.5} {
		if of := float64(counts[taken{"a", country}]) / n; of < share-0.1 || of > share+0.1 {
			t.Errorf("a got %.2f of %q, want %.2f: %v", of, country, share, counts)
		}
	}
}
