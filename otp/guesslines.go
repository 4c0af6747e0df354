package otp

import (
	"context"
	"sync"
)

// guessLines lets the guesses on one OTP that this daemon has at once go one after another. A guess is two
// transactions on one record, and of many side by side all but one learn that another was faster: a thousand
// at once would be tens of thousands of transactions, by which whoever guesses blindly delays all who do not.
// That an attempt is counted once is not its matter: other daemons have lines of their own.
type guessLines struct {
	mu  sync.Mutex
	ids map[string]*guessLine
}

// guessLine is one OTP's. It is there while somebody is in it.
type guessLine struct {
	in   int           // who waits, and who has the turn; guarded by the lines' mu
	turn chan struct{} // full while somebody has the turn
}

// enter waits for the turn; leave must be called after the guess. The error is that of ctx, when it ends
// first.
func (g *guessLines) enter(ctx context.Context, id string) (leave func(), err error) {
	g.mu.Lock()
	if g.ids == nil {
		g.ids = make(map[string]*guessLine)
	}
	l := g.ids[id]
	if l == nil {
		l = &guessLine{turn: make(chan struct{}, 1)}
		g.ids[id] = l
	}
	l.in++
	g.mu.Unlock()
	select {
	case l.turn <- struct{}{}:
		return func() { <-l.turn; g.left(id, l) }, nil
	case <-ctx.Done():
		g.left(id, l)
		return nil, ctx.Err()
	}
}

func (g *guessLines) left(id string, l *guessLine) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.in--; l.in == 0 {
		delete(g.ids, id)
	}
}
