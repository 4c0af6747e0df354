package link

import (
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/smpp/wire"
)

// trouble is what a daemon remembers of a message that did not pass at once, until it does or its PIN is of
// no use. The carrier's side of it that must not be lost, how often it went out without an answer, is in the
// store (Sink.Unanswered).
type trouble struct {
	until time.Time // forgotten then

	failures   int  // tries that the SMSC, or the lack of one, made vain; they set the delay of the next
	unanswered int  // tries in this daemon
	attempt    int  // the queue's count when it was given back: at the next one, nobody else had it meanwhile
	orphan     bool // as it was given to this daemon: one that is an orphan since, another had

	// Of a message of several parts: its reference, and those that the SMSC of a link took, by their index.
	// The others alone are sent again, over that link.
	reference uint16
	referred  bool
	link      string
	taken     []bool

	away map[string]wire.Status // links whose carrier would not have it, for a reason that is not the message's
	owed *Unanswered            // a try that is not stored yet
	ids  []Accepted             // parts that were taken, not stored yet

	drops []uint64 // sessions of this daemon that ended while it was in flight, by their number

	ahead int64 // the try that was counted before it went out, and was taken: its end is not stored yet
}

// ledgerSize bounds the memory: about 200 bytes each. What does not find room is remembered by nobody: its
// parts are sent again whole.
const ledgerSize = 50_000

// ledger keeps the troubles of a daemon's messages, for all its links. A message is taken out while it is
// worked on, so that two goroutines never share one.
type ledger struct {
	mu    sync.Mutex
	byID  map[string]*trouble
	swept time.Time
}

func newLedger() *ledger { return &ledger{byID: make(map[string]*trouble)} }

// take gives what is known of a message to the one who works on it now; nil when nothing is.
func (l *ledger) take(id string) *trouble {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.byID[id]
	delete(l.byID, id)
	return t
}

// keep remembers it for whoever gets the message next.
func (l *ledger) keep(id string, t *trouble) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); len(l.byID) >= ledgerSize && now.Sub(l.swept) > time.Second {
		l.swept = now
		for id, old := range l.byID {
			if now.After(old.until) {
				delete(l.byID, id)
			}
		}
	}
	if len(l.byID) < ledgerSize {
		l.byID[id] = t
	}
}

// delay is how long a message waits after that many failures of its own.
func (t *trouble) delay() time.Duration {
	return backoff.Doubled(time.Second, t.failures-1, retryDelayLimit)
}
