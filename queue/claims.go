package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"slices"
	"time"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// Where several daemons share the log, who has a message of a work queue is in the log too: a claim, made by
// compare-and-set. It names its daemon and is good as long as that daemon's lease (daemons.go) is; so nothing
// has to be renewed for a message, and all that a killed daemon had is free a lease later. A claim of a
// daemon whose lease is over is taken over by a transaction that checks both, so that no two have a message.
//
// So that not all reach for the same message: the daemon that stored it claims it with it, where it can send
// it at once. Else the daemons whose links have the first priority on the queue come first, in an order that
// follows from the message's key, and the others when those have left it for a while.
const (
	claimBucket   = "claim"
	nobody        = "" // owner of a claim that was given back with a delay
	rankDelay     = 150 * time.Millisecond
	overflowDelay = 500 * time.Millisecond
	claimTimeout  = 5 * time.Second
)

// claim is the value of a claim.
type claim struct {
	owner    string // daemon; nobody: it waits
	attempts int
	until    time.Time // by the log's clock, that it waits for
}

func (c claim) encode() []byte {
	out := append([]byte{1, byte(len(c.owner))}, c.owner...)
	out = binary.AppendUvarint(out, uint64(c.attempts))
	if c.until.IsZero() {
		return append(out, 0)
	}
	return binary.AppendUvarint(out, uint64(c.until.UnixMilli()))
}

func decodeClaim(value []byte) (c claim) {
	if len(value) < 2 || value[0] != 1 || len(value) < 2+int(value[1]) {
		return c
	}
	c.owner = string(value[2 : 2+int(value[1])])
	rest := value[2+len(c.owner):]
	attempts, n := binary.Uvarint(rest)
	ms, _ := binary.Uvarint(rest[max(n, 0):])
	c.attempts = int(attempts)
	if ms != 0 {
		c.until = time.UnixMilli(int64(ms))
	}
	return c
}

func (w *work) claimKey(key string) string { return w.bucket + "\x00" + key }

// claimChanged follows the claims of the queue's messages.
func (w *work) claimChanged(key string, c commitlog.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.items[key]
	if i == nil || !w.live {
		return
	}
	if c.Gone {
		if i.state == itemTaken {
			w.take(i, claim{}, 0)
		}
		return
	}
	if c.Mine && (i.state == itemClaiming || i.state == itemClaimed) {
		return // makeClaim's own, which says what becomes of it
	}
	w.take(i, decodeClaim(c.Value), c.Revision)
}

// arrangeClaim puts a message where its claim, if there is one, says.
func (w *work) arrangeClaim(i *item) {
	e, ok := w.q.ledger.Get(claimBucket, w.claimKey(i.key))
	if !ok {
		w.take(i, claim{}, 0)
		return
	}
	w.take(i, decodeClaim(e.Value), e.Revision)
}

// take lets a message wait for this daemon's turn, unless another has it.
func (w *work) take(i *item, c claim, revision uint64) {
	w.leave(i)
	if c.owner == w.q.daemons.self && i.owner != nobody && i.owner != c.owner {
		i.orphan = true // claimed after all by a transaction of which that was not known
	}
	i.owner, i.claim, i.attempts, i.state = c.owner, revision, c.attempts, itemTaken
	wait := w.turn(i)
	switch {
	case c.owner == w.q.daemons.self: // claimed as it was stored
		i.state = itemClaimed
		w.claimed.push(i)
		w.hand()
		return
	case c.owner != nobody && w.q.daemons.lives(c.owner):
		return
	case !c.until.IsZero():
		wait += max(c.until.Sub(w.q.Now()), 0)
	}
	if wait > 0 {
		w.makeIdleAfter(i, wait)
		return
	}
	w.makeIdle(i)
}

// turn is how long this daemon leaves a message to others.
func (w *work) turn(i *item) time.Duration {
	best, rivals := w.q.daemons.rivals(w.bucket, w.best)
	if w.best > best {
		return overflowDelay
	}
	rank := 0
	own := weight(i.key, w.q.daemons.self)
	for _, r := range rivals {
		if weight(i.key, r) > own {
			rank++
		}
	}
	return time.Duration(rank) * rankDelay
}

// weight orders the daemons for a message (rendezvous hashing).
func weight(key, daemon string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(daemon))
	h.Write([]byte(key))
	return h.Sum64()
}

// claimMore claims idle messages, as many as the pullers can have ahead. Several claims are made at a time, and
// end in any order: each has its place among what is claimed from its beginning, so that the groups' turns
// stay as they were. For callers that hold mu.
func (w *work) claimMore() {
	room := w.room()
	for _, p := range w.pullers {
		room += p.max
	}
	if len(w.pullers) == 0 || !w.q.daemons.leased() {
		room = 0
	}
	for ; room > 0; room-- {
		i := w.idle.pop()
		if i == nil {
			return
		}
		was := *i
		i.state, i.asked = itemClaiming, time.Now()
		w.claimed.push(i)
		go w.makeClaim(i, was)
	}
}

// room is how many messages those who wait can have beside what is claimed. For callers that hold mu.
func (w *work) room() int { return len(w.waiting) - w.claimed.size - w.late }

// claimPatience is how long a claim that is being made keeps what is behind it waiting.
const claimPatience = 250 * time.Millisecond

// unclaimed is how long the first of what is claimed is to be waited for: it is there, 0. One whose claim takes
// too long loses its place, so that a log that does not answer delays no message of another.
func (w *work) unclaimed() time.Duration {
	for i := w.claimed.first(); i != nil && i.state == itemClaiming; i = w.claimed.first() {
		if rest := claimPatience - time.Since(i.asked); rest > 0 {
			return rest
		}
		w.lag(w.claimed.pop())
	}
	return 0
}

// lag is for a message that lost its place before its claim was made.
func (w *work) lag(i *item) {
	i.late = true
	w.late++
}

// makeClaim claims one message, which was as was says, over a claim that is there where that is no longer
// good.
func (w *work) makeClaim(i *item, was item) {
	ctx, cancel := context.WithTimeout(context.Background(), claimTimeout)
	defer cancel()
	o := w.claimOp(was.key, was.attempts, w.q.left(was.expires))
	o.If = commitlog.IfAbsent
	if was.claim != 0 {
		o.If, o.Revision = commitlog.IfRevision, was.claim
	}
	tx := commitlog.Tx{{Bucket: w.bucket, Key: was.key, Action: commitlog.Check, If: commitlog.IfRevision, Revision: was.revision}, o}
	if was.owner != nobody {
		tx = append(tx, commitlog.Op{Bucket: daemonBucket, Key: was.owner, Action: commitlog.Check, If: commitlog.IfAbsent})
	}
	revision, err := w.q.ledger.Commit(ctx, tx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if i.late {
		i.late = false
		w.late--
	}
	if w.items[i.key] != i || i.state != itemClaiming {
		return
	}
	if err != nil {
		// Another daemon was faster, and the log says which; or the store does not answer, and it is tried
		// again.
		w.arrangeClaim(i)
		if i.state == itemIdle {
			w.makeIdleAfter(i, overflowDelay)
		}
		w.hand()
		return
	}
	i.owner, i.claim, i.orphan, i.state = w.q.daemons.self, revision, was.owner != nobody, itemClaimed
	if len(w.pullers) == 0 { // they are gone since, and others may have some
		w.freeClaim(i, 0)
		return
	}
	if i.in == nil {
		w.claimed.push(i)
	}
	w.hand()
}

// claimTail is how long a claim outlives its message.
const claimTail = time.Minute

// claimOp is the operation that makes a message this daemon's, as long as it is alive. ttl is that of the
// message.
func (w *work) claimOp(key string, attempts int, ttl time.Duration) commitlog.Op {
	o := commitlog.Op{Bucket: claimBucket, Key: w.claimKey(key), Value: claim{owner: w.q.daemons.self, attempts: attempts}.encode()}
	if ttl > 0 {
		o.TTL = ttl + claimTail
	}
	return o
}

// mayClaim says whether a message that is about to be stored is new, and would be handed out at once here, and
// by right.
func (w *work) mayClaim(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.items[key] != nil || w.idle.size > 0 || !w.q.daemons.leased() {
		return false
	}
	best, _ := w.q.daemons.rivals(w.bucket, w.best)
	return w.room() > 0 && w.best == best
}

// freeClaim gives a message back that this daemon claimed: to its own pullers while it has any, for what
// failed here is no better elsewhere; else to all.
func (w *work) freeClaim(i *item, delay time.Duration) {
	w.leave(i)
	if len(w.pullers) > 0 {
		if delay > 0 {
			w.claimedAfter(i, delay)
			return
		}
		i.state = itemClaimed
		w.claimed.push(i)
		w.hand()
		return
	}
	i.state = itemTaken
	if i.orphan { // who gets it next is not the first that has it either
		i.attempts = max(i.attempts, 1)
	}
	value := claim{owner: nobody, attempts: i.attempts, until: w.q.Now().Add(delay)}.encode()
	op := w.claimOp(i.key, i.attempts, w.q.left(i.expires))
	op.Value, op.If, op.Revision = value, commitlog.IfRevision, i.claim
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), claimTimeout)
		defer cancel()
		if _, err := w.q.ledger.Commit(ctx, commitlog.Tx{op}); err != nil && !errors.Is(err, commitlog.ErrConflict) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.items[i.key] == i && i.state == itemTaken && i.owner == w.q.daemons.self {
				w.claimedAfter(i, max(delay, overflowDelay))
			}
		}
	}()
}

// claimedAfter keeps the claim, and hands the message out again later.
func (w *work) claimedAfter(i *item, delay time.Duration) {
	i.state = itemWaiting
	i.later = w.q.schedule.after(delay, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.items[i.key] == i && i.state == itemWaiting {
			i.later = nil
			w.freeClaim(i, 0)
		}
	})
}

// orphaned makes the messages of a daemon that is gone free for others.
func (w *work) orphaned(daemon string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range w.items {
		if i.state == itemTaken && i.owner == daemon {
			w.makeIdleAfter(i, w.turn(i))
		}
	}
}

// join and part follow the pullers, whose best priority the daemon's lease tells the others.
func (w *work) join(p *Puller) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pullers = append(w.pullers, p)
	w.ranked()
	w.hand()
}

// part also gives back what was claimed for pullers that are no more.
func (w *work) part(p *Puller) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pullers = slices.DeleteFunc(w.pullers, func(o *Puller) bool { return o == p })
	w.ranked()
	if len(w.pullers) > 0 || w.q.daemons == nil {
		w.hand() // what was left to p
		return
	}
	for i := w.claimed.pop(); i != nil; i = w.claimed.pop() {
		if i.state == itemClaiming {
			w.lag(i)
			continue
		}
		w.freeClaim(i, 0)
	}
}

func (w *work) ranked() {
	before := w.best
	w.best = noPriority
	for _, p := range w.pullers {
		w.best = min(w.best, p.priority)
	}
	if w.best != before && w.q.daemons != nil {
		w.q.daemons.announce()
	}
}

// priority is the best of the pullers; noPriority when there are none.
func (w *work) priority() uint8 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.best
}
