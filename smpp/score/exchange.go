package score

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/otpgw/otpgw/queue"
)

// How daemons tell each other what they counted: a PIN may be verified by another daemon than the one that
// sent the message.
const (
	tellEvery = time.Second
	tallyLife = time.Minute
	mostTold  = 1000 // of one tally; more says no more
)

// tally is what a daemon counted of a link and a country since it told the last time. The numbers of the
// fields are what is stored.
type tally struct {
	Link     string `cbor:"1,keyasint"`
	Country  string `cbor:"2,keyasint,omitempty"`
	Sent     int    `cbor:"3,keyasint,omitempty"`
	Verified int    `cbor:"4,keyasint,omitempty"`
	InTime   int    `cbor:"5,keyasint,omitempty"`
	Late     int    `cbor:"6,keyasint,omitempty"`
}

// Exchange tells the daemons that share a store what this one counts, and counts what they tell, until ctx
// ends.
func (b *Board) Exchange(ctx context.Context, q *queue.Queue) error {
	self, _ := q.Daemons()
	if self == "" {
		return nil // there is nobody else
	}
	q.Scores().Watch(func(daemon, value string, gone bool) {
		var told []tally
		if !gone && daemon != self && cbor.Unmarshal([]byte(value), &told) == nil {
			b.hear(told)
		}
	})
	b.mu.Lock()
	b.own = make(map[key]*tally)
	b.mu.Unlock()
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if data, some := b.toTell(); some {
			_, _ = q.Scores().Put(ctx, self, data, tallyLife) // what is lost is some of many
		}
	}
}

func (b *Board) toTell() (data []byte, some bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.own) == 0 {
		return nil, false
	}
	var told []tally
	for _, t := range slices.Collect(maps.Values(b.own)) {
		told = append(told, *t)
	}
	clear(b.own)
	data, err := cbor.Marshal(told)
	return data, err == nil
}

// count notes what is to be told to other daemons. For callers that hold mu.
func (b *Board) count(k key, add func(*tally)) {
	if b.own == nil {
		return
	}
	t := b.own[k]
	if t == nil {
		t = &tally{Link: k.link, Country: k.country}
		b.own[k] = t
	}
	add(t)
}

func (b *Board) hear(told []tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range told {
		k := key{t.Link, t.Country}
		for range min(t.Sent, mostTold) {
			b.sent(k)
		}
		for range min(t.Verified, mostTold) {
			b.verified(k)
		}
		for range min(t.InTime, mostTold) {
			b.delivered(t.Link, false)
		}
		for range min(t.Late, mostTold) {
			b.delivered(t.Link, true)
		}
	}
}
