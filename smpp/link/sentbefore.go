package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// over asks what all daemons know of a message, where it may be more than that it was never sent, and settles
// one that is not to be sent any more.
func (l *Link) over(ctx context.Context, e *errand, parts int) bool {
	if !e.asked && l.firstHand(e) && e.trouble == nil {
		return false
	}
	if !e.asked {
		store, cancel := context.WithTimeout(ctx, sinkTimeout)
		defer cancel()
		heard, err := l.inherit(store, e, parts)
		if err == nil {
			e.past, err = l.past(store, e)
			e.past.Over = e.past.Over || heard
		}
		if err != nil {
			l.log.Error().Err(err).Str("msg", e.m.ID).Msg("the store does not say whether the message was sent; it waits")
			l.retry(e)
			return true
		}
		e.asked = true
	}
	return l.enough(ctx, e, parts)
}

// inherit has the receipts recognised of a message that another process had in hand: killed between the
// SMSC's answer and the storing of its id, it left nobody behind who knows that id.
func (l *Link) inherit(ctx context.Context, e *errand, parts int) (heard bool, err error) {
	if l.deps.Inherited == nil || l.ours(e) {
		return false, nil
	}
	i := Inherited{Message: e.m, Parts: parts, Links: []string{l.cfg.Name}}
	for _, o := range l.others(e.m.Route) {
		i.Links = append(i.Links, o.cfg.Name)
	}
	return l.deps.Inherited(ctx, i)
}

// firstHand: nobody had the message before. What is older than this daemon may have been in the hands of one
// that died.
func (l *Link) firstHand(e *errand) bool {
	return e.Attempt == 1 && !e.Orphan && !e.m.Again && e.m.Created.After(l.started)
}

// ours: no other process had the message since this one first did.
func (l *Link) ours(e *errand) bool {
	t := e.trouble
	return l.firstHand(e) || t != nil && e.Attempt == t.attempt+1 && e.Orphan == t.orphan
}

// countAhead counts a copy before it goes out wherever it may not be the first: then no crash makes more of
// them than are counted, but for the first.
func (l *Link) countAhead(ctx context.Context, e *errand, parts int) error {
	again := e.past.Unanswered > 0
	if l.ours(e) && !again || e.tookAll(l, parts) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	now := l.now()
	if _, err := l.deps.Sink.Unanswered(ctx, Unanswered{Link: l.cfg.Name, Message: e.m, Sent: now}); err != nil {
		return err
	}
	e.ahead = now.UnixNano()
	if again {
		l.deps.Metrics.copied(l.cfg.Name)
	}
	return nil
}

// past is what is stored of a message, with what could not be stored before.
func (l *Link) past(ctx context.Context, e *errand) (Past, error) {
	t := e.trouble
	if t == nil {
		return l.deps.Sink.Past(ctx, e.m)
	}
	var err error
	if t.ids, err = l.tell(ctx, t.ids); err != nil {
		return Past{}, err
	}
	if t.owed == nil {
		return l.deps.Sink.Past(ctx, e.m)
	}
	past, err := l.deps.Sink.Unanswered(ctx, *t.owed)
	if err == nil {
		t.owed = nil
	}
	return past, err
}

// enough settles a message of which no copy more may go out.
func (l *Link) enough(ctx context.Context, e *errand, parts int) bool {
	switch {
	case e.past.Over:
		l.log.Debug().Str("msg", e.m.ID).Msg("not sent again: nobody waits for it any more")
		l.deps.Metrics.needless(l.cfg.Name)
		l.ack(ctx, e)
	case e.tookAll(l, parts): // and only its end is not stored
		return false
	case e.past.timeouts() > l.cfg.TimeoutResends:
		l.refuse(ctx, e, StatusNoAnswer, 0, 0)
	case e.past.Dropped > l.mostDrops(e):
		l.refuse(ctx, e, StatusHungUp, 0, 0)
	default:
		return false
	}
	return true
}

// elsewhere hands a message on that is better off over another link: one whose SMSC has some of its parts
// already, or any but the one that carried it before in vain, or whose carrier would not have it.
func (l *Link) elsewhere(e *errand) bool {
	for _, o := range l.otherLinks() {
		if t := e.trouble; t != nil && t.link == o.cfg.Name && !slices.Contains(e.tried, o) && l.giveTo(o, e) {
			return true
		}
	}
	if e.turnedAway(l) { // only another link may get it through
		l.passOn(e)
		return true
	}
	return e.m.Avoid == l.cfg.Name && len(e.tried) == 0 && l.handOver(e)
}

// took tells whether the link's SMSC has a part from an earlier try.
func (e *errand) took(l *Link, part, parts int) bool {
	t := e.trouble
	return t != nil && t.link == l.cfg.Name && len(t.taken) == parts && t.taken[part]
}

// tookAll: the link's SMSC has every part.
func (e *errand) tookAll(l *Link, parts int) bool {
	for i := range parts {
		if !e.took(l, i, parts) {
			return false
		}
	}
	return parts > 0
}

// settle stores what became of a try and ends the errand, or has it tried again. err is why nothing was sent.
func (w *shift) settle(ctx context.Context, e *errand, t *try, err error) {
	l := w.bind.link
	if err == nil {
		l.deps.Metrics.submitted(l.cfg.Name, t.results)
		// Else with the message's end. What was counted of it stays until then: this daemon may lose it in
		// between.
		if e.past.Over || !t.whole() {
			err = l.record(ctx, e, t)
		}
	}
	if err != nil {
		// Better late than a receipt that nobody can match, or an outcome that nobody is told.
		l.log.Error().Err(err).Str("msg", e.m.ID).Msg("outcome not stored, the message waits")
		l.retry(e)
		return
	}
	worst := worstOf(t.results)
	r := t.results[worst]
	if r.class == OtherLink {
		l.turnAway(e, r.status)
	}
	if r.unanswered() && dropped(r) {
		n := e.remember()
		n.drops = append(n.drops, w.number)
	}
	switch {
	case e.past.Over:
		l.ack(ctx, e)
	case r.class == Taken:
		l.taken(ctx, e, t, w.unhurried(e, t))
	case r.class == Permanent, r.class == OtherLink && l.lastResort(e):
		l.log.Warn().Str("msg", e.m.ID).Stringer("status", r.status).AnErr("cause", r.err).Msg("the message is refused for good")
		l.refuse(ctx, e, r.status, worst+1, len(t.results))
	case r.unanswered() && !dropped(r) && e.past.timeouts() > l.cfg.TimeoutResends:
		l.refuse(ctx, e, StatusNoAnswer, worst+1, len(t.results))
	case r.unanswered() && dropped(r) && t.alone && !l.hangsUpAnyway(e):
		l.refuse(ctx, e, StatusHungUp, worst+1, len(t.results))
	default:
		w.later(ctx, e, r)
	}
}

// record stores which parts of a try were taken, and which were not answered.
func (l *Link) record(ctx context.Context, e *errand, t *try) error {
	ctx, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	if err := l.recordTaken(ctx, e, t); err != nil {
		return err
	}
	return l.recordUnanswered(ctx, e, t)
}

// turnAway remembers that the link's carrier does not carry such a message, whatever the reason; it is not
// asked again.
func (l *Link) turnAway(e *errand, status wire.Status) {
	n := e.remember()
	if n.away == nil {
		n.away = make(map[string]wire.Status)
	}
	n.away[l.cfg.Name] = status
}

// dropped: the session ended before the answer came.
func dropped(r result) bool { return r.err != nil && !errors.Is(r.err, session.ErrTimeout) }

// recordUnanswered tells the Sink that parts went out without an answer, or that what was told so before was
// answered.
func (l *Link) recordUnanswered(ctx context.Context, e *errand, t *try) (err error) {
	u := Unanswered{Link: l.cfg.Name, Message: e.m, Of: len(t.results), Sent: t.sent}
	for i, r := range t.results {
		if r.unanswered() {
			u.Parts = append(u.Parts, i+1)
			u.Dropped = u.Dropped || dropped(r)
		}
	}
	ahead := e.ahead != 0
	e.ahead = 0
	switch {
	case len(u.Parts) > 0:
		if e.past, err = l.deps.Sink.Unanswered(ctx, u); err != nil {
			e.remember().owed = &u
		}
		e.asked = true
		n := e.remember() // of what is no OTP's, or of one that is gone, nothing is stored
		n.unanswered++
		e.past.Unanswered = max(e.past.Unanswered, n.unanswered)
	case ahead:
		if err = l.deps.Sink.Answered(ctx, u); err == nil {
			e.past.Unanswered--
		}
	}
	return err
}

// refuse ends a message that nothing more is done for.
func (l *Link) refuse(ctx context.Context, e *errand, status wire.Status, part, parts int) {
	store, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	if err := l.deps.Sink.Refused(store, Refused{Link: l.cfg.Name, Status: status, Message: e.m, Part: part, Parts: parts}); err != nil {
		l.log.Error().Err(err).Str("msg", e.m.ID).Msg("outcome not stored, the message waits")
		l.retry(e)
		return
	}
	l.deps.Metrics.gaveUp(l.cfg.Name, status)
	l.ack(ctx, e)
}

// later sends a message that did not pass over another link of its route, or gives it back for another try,
// and slows or ends what the answer says is at fault.
func (w *shift) later(ctx context.Context, e *errand, r result) {
	l := w.bind.link
	log := l.log.Debug().Str("msg", e.m.ID).Stringer("class", r.class).Stringer("status", r.status).AnErr("cause", r.err).Int("attempt", e.Attempt)
	log.Msg("the message did not pass")
	t := e.remember()
	switch {
	case r.class == Throttled: // the governor has heard of it
		l.giveBack(e, spread(throttleDelay))
		return
	case r.err != nil && !r.sent: // the session ended before it: whoever is bound takes it at once
		l.giveBack(e, 0)
		return
	case dropped(r) && e.past.Dropped <= 1: // the same, for most that were in flight
		l.giveBack(e, 0)
		return
	case dropped(r):
		l.giveBack(e, spread(dropDelay))
		return
	case r.class == Misconfigured:
		l.log.Error().Stringer("status", r.status).Msg("the SMSC says that the link is set up wrongly; it stops for a minute")
		w.sess.Close(fmt.Errorf("%w: %w", errMisconfigured, r.status))
	case r.status == wire.StatusInvBindSts, r.status == wire.StatusAlreadyBound:
		w.sess.Close(r.status) // the SMSC takes this connection for something else: bind again
	}
	if r.class == Delayed || t.link == l.cfg.Name || !l.handOver(e) {
		l.retry(e)
	}
}

// retry gives a message back for another try; the more often it failed the later.
func (l *Link) retry(e *errand) {
	t := e.remember()
	t.failures++
	l.giveBack(e, spread(t.delay()))
}

// spread: what failed together is not to come back together.
func spread(d time.Duration) time.Duration { return backoff.Spread(d, d/2) }

// worstOf is the result that decides: what ends the message, before what has to be tried again, before what
// is taken.
func worstOf(results []result) int {
	worst := 0
	for i := range results {
		if results[i].rank() > results[worst].rank() {
			worst = i
		}
	}
	return worst
}

// ranks of the classes, the one that decides last.
var ranks = [...]int{Taken: 0, OtherLink: 1, Temporary: 2, Delayed: 3, Throttled: 4, Misconfigured: 5, Permanent: 7}

func (r *result) rank() int {
	if r.unanswered() {
		return 6
	}
	return ranks[r.class]
}
