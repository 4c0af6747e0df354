package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	adminToken = "torture-token-of-an-operator"

	lookEvery   = 4 * time.Second  // at the daemons' states
	lookTimeout = 15 * time.Second // for one look
)

// state is what a daemon said of its memory at a position of the log.
type state struct {
	Daemon, Hash, Error string
	Position            uint64
}

// look asks a daemon for the states of all.
func (w *world) look(ctx context.Context, g *gateway) (said []state, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", g.current().Admin+"/state", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	c := http.Client{}
	defer c.CloseIdleConnections()
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var all struct{ States []state }
	err = json.NewDecoder(resp.Body).Decode(&all)
	w.ledger.compare(all.States)
	return all.States, err
}

// lookOn looks at the states under load, again and again: a daemon that is away says nothing, and those that
// say something have to agree.
func (w *world) lookOn(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		_, _ = w.look(ctx, w.daemons[n%len(w.daemons)])
		pause(ctx, lookEvery)
	}
}

// lookAtEnd looks until all daemons have said what their states are at one position, or that takes too long.
func (w *world) lookAtEnd() error {
	var said []state
	var err error
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); pause(w.t.Context(), time.Second) {
		if said, err = w.look(w.t.Context(), w.daemons[0]); level(said) == len(w.daemons) {
			w.set.log("the states at position %d: %v", said[0].Position, said)
			return nil
		}
	}
	return fmt.Errorf("the daemons said of their states: %v; %w", said, err)
}

// level is how many said what their state is at the position of the first.
func level(said []state) (n int) {
	for _, s := range said {
		if s.Error == "" && s.Position == said[0].Position {
			n++
		}
	}
	return n
}

// compare notes states, and those that differ from what was said of the same position.
func (l *ledger) compare(said []state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range said {
		if s.Error != "" {
			continue
		}
		other, known := l.states[s.Position]
		if known && other != s.Hash {
			l.differ = append(l.differ, fmt.Sprintf("%s at %d", s.Daemon, s.Position))
		}
		l.states[s.Position] = s.Hash
		l.looks++
	}
}
