package queue

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// work is a work queue: messages in a bucket of the log, each of which goes to one puller of one daemon and
// stays until that acknowledges it. What is here is an index of the bucket; it follows the log, and is made
// anew at each start.
//
//	bucket (log) -> changed -> idle, in turns of their groups -> a waiting Puller.Next -> Ack: deleted from the bucket
//	                                                          '-> Nak: idle again, at once or later
//
// Where the log is this daemon's alone, who has a message is nobody else's business. Where several daemons
// share it, a message is claimed before it is handed out, see claims.go.
type work struct {
	q      *Queue
	bucket string
	bound  Bound

	mu      sync.Mutex // guards the rest
	live    bool       // the log has been read, see begin
	best    uint8      // priority of the pullers
	items   map[string]*item
	fill    fill
	groups  map[string]fill
	draws   map[string]float64 // the last draw for a country
	idle    *fair              // may be handed out, or claimed, by this daemon
	claimed *fair              // claimed, or being claimed, and not handed out yet; unused where nothing is claimed
	late    int                // being claimed, and no longer in claimed
	waiting []*want
	again   *due // that hands out again soon, see handAfter
	pullers []*Puller
	brake   brake
}

// item is a message of a work queue.
type item struct {
	key      string
	group    string
	size     int
	expires  time.Time // by the log's clock
	sequence uint64    // the revision it was stored with first: its place
	revision uint64    // that it was stored with last
	attempts int       // how often it was handed out

	state itemState
	in    *fair     // that holds it; nil when it is out
	place int       // there, see places
	later *due      // that makes it idle
	owner string    // daemon that claimed it; "" for none
	claim uint64    // revision of the claim
	asked time.Time // when its claim was begun
	late  bool      // its claim is being made, and it has no place in claimed any more

	orphan bool // it was claimed by a daemon that is gone

	draw    float64 // whose turn it is, see share.go; 0: not drawn yet
	country string  // set with draw
}

type itemState uint8

const (
	itemIdle     itemState = iota // in work.idle
	itemClaiming                  // its claim is being made; in work.claimed unless late
	itemClaimed                   // in work.claimed
	itemOut                       // handed out by this daemon
	itemWaiting                   // until item.later
	itemTaken                     // claimed by another daemon
)

// want is a call of Next that waits.
type want struct {
	puller *Puller
	item   *item         // guarded by work.mu
	got    chan struct{} // closed when there is one; nil when there was one at once
}

func newWork(q *Queue, bucket string, bound Bound) *work {
	return &work{q: q, bucket: bucket, bound: bound, items: make(map[string]*item), groups: make(map[string]fill), draws: make(map[string]float64), idle: newFair(), claimed: newFair(), best: noPriority,
		brake: brake{waiting: make(map[string][]chan struct{})}}
}

// changed follows the log.
func (w *work) changed(c commitlog.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.items[c.Key]
	if c.Gone {
		if i != nil {
			w.drop(i)
		}
		return
	}
	if i != nil { // stored again under its key: its place and its holder stay
		w.count(i.group, 0, int64(len(c.Value)-i.size))
		i.size, i.revision, i.expires = len(c.Value), c.Revision, c.Expires
		return
	}
	e, err := decodeEnvelope(c.Value)
	if err != nil {
		w.q.log.Error().Str("bucket", w.bucket).Msg("a stored message cannot be read")
		return
	}
	i = &item{key: c.Key, group: string(e.group), size: len(c.Value), expires: c.Expires, sequence: c.Revision, revision: c.Revision, state: itemTaken}
	w.items[c.Key] = i
	w.count(i.group, 1, int64(i.size))
	if w.live {
		w.arrange(i)
	}
}

// begin arranges what the log had at its opening, in the order it was stored in.
func (w *work) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live = true
	all := slices.SortedFunc(maps.Values(w.items), func(a, b *item) int { return cmp.Compare(a.sequence, b.sequence) })
	for _, i := range all {
		w.arrange(i)
	}
}

func (w *work) drop(i *item) {
	delete(w.items, i.key)
	w.count(i.group, -1, -int64(i.size))
	w.leave(i)
}

// fill is how much is stored.
type fill struct{ msgs, octets int64 }

func (w *work) count(group string, msgs, octets int64) {
	w.fill.msgs += msgs
	w.fill.octets += octets
	g := w.groups[group]
	g.msgs += msgs
	g.octets += octets
	if g.msgs == 0 {
		delete(w.groups, group)
		return
	}
	w.groups[group] = g
}

// leave takes an item out of wherever it waits.
func (w *work) leave(i *item) {
	if i.in != nil {
		i.in.remove(i)
	}
	w.q.schedule.cancel(i.later)
	i.later = nil
}

// arrange puts a message that nobody has where this daemon may take it: now, or when it is its turn.
func (w *work) arrange(i *item) {
	if w.q.daemons == nil {
		w.makeIdle(i)
		return
	}
	w.arrangeClaim(i)
}

func (w *work) makeIdle(i *item) {
	w.leave(i)
	i.state = itemIdle
	w.idle.push(i)
	w.hand()
}

// hand gives what may be handed out to those who wait, the lowest priority number first, and claims more
// where that is needed.
func (w *work) hand() {
	from := w.idle
	if w.q.daemons != nil {
		if !w.q.daemons.leased() {
			return
		}
		from = w.claimed
	}
	for len(w.waiting) > 0 && from.size > 0 {
		at, rest := w.next(from)
		if rest > 0 {
			w.handAfter(rest)
		}
		if at < 0 {
			break
		}
		i, to := from.pop(), w.waiting[at]
		w.waiting = slices.Delete(w.waiting, at, at+1)
		to.puller.served = time.Now()
		i.state, i.draw = itemOut, 0
		i.attempts++
		w.speed(i.group)
		to.give(i)
	}
	if w.q.daemons != nil {
		w.claimMore()
	}
}

// next is which of those who wait gets the first message of from; -1, and when to ask again, where none does
// yet.
func (w *work) next(from *fair) (at int, rest time.Duration) {
	if rest = w.unclaimed(); rest > 0 {
		return -1, rest
	}
	if from.size == 0 {
		return -1, 0
	}
	if rest = w.patience(w.waiting[0].puller); rest > 0 {
		return -1, rest
	}
	if at, rest = w.taker(from.first()); rest > 0 {
		return -1, rest
	}
	return at, 0
}

// patience is how long a puller leaves messages to one of a better priority, which may be about to ask for
// the next: only when that one has not asked for a while it has its hands full.
func (w *work) patience(p *Puller) (rest time.Duration) {
	for _, o := range w.pullers {
		if o.priority < p.priority {
			rest = max(rest, fullAfter-time.Since(o.served))
		}
	}
	return rest
}

// fullAfter is far longer than a link needs from one message to the next, and far shorter than anybody
// notices.
const fullAfter = 250 * time.Millisecond

// handAfter hands out again later, which asks for itself again where it has to. For callers that hold mu.
func (w *work) handAfter(d time.Duration) {
	if w.again != nil && !time.Now().Add(d).Before(w.again.at) {
		return
	}
	w.q.schedule.cancel(w.again)
	w.again = w.q.schedule.after(d, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.again = nil
		w.hand()
	})
}

// wait asks for the next message, which may be there at once.
func (w *work) wait(p *Puller) *want {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := &want{puller: p}
	at := slices.IndexFunc(w.waiting, func(o *want) bool { return o.puller.priority > p.priority })
	if at < 0 {
		at = len(w.waiting)
	}
	w.waiting = slices.Insert(w.waiting, at, n)
	w.hand()
	if n.item == nil {
		n.got = make(chan struct{})
	}
	return n
}

func (n *want) give(i *item) {
	n.item = i
	if n.got != nil {
		close(n.got)
	}
}

// forget takes a wait back, and returns what came in the same moment.
func (w *work) forget(n *want) *item {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := slices.Index(w.waiting, n); at >= 0 {
		w.waiting = slices.Delete(w.waiting, at, at+1)
	}
	return n.item
}

// putBack makes a message that is out idle again, as if it had not been handed out.
func (w *work) putBack(i *item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.items[i.key] != i || i.state != itemOut {
		return
	}
	i.attempts--
	w.free(i, 0)
}

// nak makes a message that is out under a claim idle again, after a delay.
func (w *work) nak(i *item, claim uint64, delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.items[i.key] == i && i.state == itemOut && i.claim == claim {
		w.free(i, delay)
	}
}

// free is for callers that hold mu and have an item that is out, or claimed and not needed.
func (w *work) free(i *item, delay time.Duration) {
	if w.q.daemons != nil {
		w.freeClaim(i, delay)
		return
	}
	if delay <= 0 {
		w.makeIdle(i)
		return
	}
	w.makeIdleAfter(i, delay)
}

func (w *work) makeIdleAfter(i *item, delay time.Duration) {
	w.leave(i)
	i.state = itemWaiting
	i.later = w.q.schedule.after(delay, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.items[i.key] == i && i.state == itemWaiting {
			i.later = nil
			w.makeIdle(i)
		}
	})
}

// greed is how many times what is free one group may have. So a group alone gets four fifths of a queue, and
// where several fill it there is always room for one that has little.
const greed = 4

// admit is ErrFull when there is no room for one more message of a group.
func (w *work) admit(group string, size int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	free := fill{w.bound.Msgs - w.fill.msgs, w.bound.Bytes - w.fill.octets - int64(size)}
	if free.msgs <= 0 || free.octets < 0 {
		return fmt.Errorf("%w: the work queue %s is at its limit", ErrFull, w.bucket)
	}
	if g := w.groups[group]; g.msgs > greed*free.msgs || g.octets > greed*free.octets {
		return fmt.Errorf("%w: %s has used up its share of the work queue %s", ErrFull, group, w.bucket)
	}
	return nil
}

// stats counts what is stored, and what of it is not idle.
func (w *work) stats() (s StreamStats, out int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s = StreamStats{Name: w.bucket, Msgs: uint64(w.fill.msgs), Bytes: uint64(w.fill.octets), MaxMsgs: w.bound.Msgs, MaxBytes: w.bound.Bytes}
	return s, len(w.items) - w.idle.size
}
