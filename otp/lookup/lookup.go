package lookup

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"
)

// The bounds of what is kept and under way.
const (
	remembered = 50_000 // numbers
	underWay   = 256
)

// Question is what is told of a message.
type Question struct {
	Number  string `json:"phoneNumber"` // E.164
	Country string `json:"countryIso"`
	App     string `json:"application"`
	From    string `json:"from"`
}

// Finding is what is known of a number. The zero Finding is nothing.
type Finding struct {
	Network string // MCC and MNC
	Route   string
	Deny    string   // why nothing is to be sent; empty: something may
	Risks   []string // words of small letters
}

// Transport asks once. Its answer is the body; nil for nothing known.
type Transport func(ctx context.Context, question []byte) ([]byte, error)

// ErrFailed: there is no answer, and without one nothing is to be sent.
var ErrFailed = errors.New("lookup: no answer in time, or none that can be used")

// errBusy: as many questions are under way as may be.
var errBusy = errors.New("too many questions are under way")

// Asker asks, and remembers. Make it with New.
type Asker struct {
	transport Transport
	timeout   time.Duration
	keep      time.Duration
	closed    bool // a failure is ErrFailed
	log       zerolog.Logger
	now       func() time.Time

	cache *lru.Cache[Question, entry]
	slots chan struct{}
	quiet rate.Sometimes

	counts [len(resultNames)]atomic.Uint64
}

type entry struct {
	found Finding
	until time.Time
}

// Options say how to ask.
type Options struct {
	Transport Transport
	Timeout   time.Duration
	Keep      time.Duration // answers hold no longer; 0: they are not kept
	Closed    bool          // a failure is ErrFailed, else an empty Finding
	Log       zerolog.Logger
	Now       func() time.Time // nil: time.Now
}

// New makes an asker.
func New(o Options) *Asker {
	cache, _ := lru.New[Question, entry](remembered) // its error is of a size below one
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Asker{transport: o.Transport, timeout: o.Timeout, keep: o.Keep, closed: o.Closed, log: o.Log, now: o.Now, cache: cache,
		slots: make(chan struct{}, underWay), quiet: rate.Sometimes{Interval: time.Second}}
}

// Ask returns within the time-out. What it remembers is of the same question, sender and application
// included.
func (a *Asker) Ask(ctx context.Context, q Question) (Finding, error) {
	if e, ok := a.cache.Get(q); ok && a.now().Before(e.until) {
		a.counts[fromCache].Add(1)
		return e.found, nil
	}
	found, keep, err := a.ask(ctx, q)
	if err == nil {
		a.counts[answered].Add(1)
		if keep > 0 {
			a.cache.Add(q, entry{found, a.now().Add(keep)})
		}
		return found, nil
	}
	a.counts[failed].Add(1)
	a.quiet.Do(func() { a.log.Warn().Err(err).Bool("refused", a.closed).Msg("the lookup of a number failed") })
	if a.closed {
		return Finding{}, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return Finding{}, nil
}

// ask does not wait for a transport that does not mind its context.
func (a *Asker) ask(ctx context.Context, q Question) (Finding, time.Duration, error) {
	select {
	case a.slots <- struct{}{}:
	default:
		return Finding{}, 0, errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	type answer struct {
		body []byte
		err  error
	}
	got := make(chan answer, 1)
	question := q.encode()
	go func() {
		defer func() { <-a.slots }()
		defer cancel()
		body, err := a.transport(ctx, question)
		got <- answer{body, err}
	}()
	select {
	case one := <-got:
		if one.err != nil {
			return Finding{}, 0, one.err
		}
		return parse(one.body, a.keep)
	case <-ctx.Done():
		select {
		case one := <-got: // which ended the context
			if one.err == nil {
				return parse(one.body, a.keep)
			}
			return Finding{}, 0, one.err
		default:
			return Finding{}, 0, ctx.Err()
		}
	}
}
