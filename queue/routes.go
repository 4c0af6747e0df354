package queue

import (
	"fmt"
	"slices"
	"strings"
)

// works are the work queues.
func (q *Queue) works() []*work { return *q.work.Load() }

// AddRoute makes the work queue of a route, with what is stored for it already; nothing when it is there.
func (q *Queue) AddRoute(name string) error {
	if !routeName.MatchString(name) {
		return fmt.Errorf("queue: route name %q; letters, digits, - and _ only", name)
	}
	q.adding.Lock()
	defer q.adding.Unlock()
	if q.named(workSMS+name) != nil {
		return nil
	}
	w := newWork(q, workSMS+name, q.smsBound)
	all := append(slices.Clone(q.works()), w)
	q.work.Store(&all) // before it hears of its messages, so that it misses no claim of theirs
	q.ledger.Watch(w.bucket, w.changed, w.changed)
	w.begin()
	return nil
}

// Stranded are the routes that messages are stored for and that have no work queue here.
func (q *Queue) Stranded() (routes []string) {
	for _, bucket := range q.ledger.Buckets() {
		if name, ok := strings.CutPrefix(bucket, workSMS); ok && q.named(bucket) == nil {
			routes = append(routes, name)
		}
	}
	return routes
}

// Routes are those that have a work queue here.
func (q *Queue) Routes() (routes []string) {
	for _, w := range q.works() {
		if name, ok := strings.CutPrefix(w.bucket, workSMS); ok {
			routes = append(routes, name)
		}
	}
	return routes
}

// Len is how many messages are on the work queue, in whoever's hands.
func (c *Consumer) Len() int {
	if c.err != nil {
		return 0
	}
	return c.work.q.ledger.Stats(c.work.bucket).Keys
}

// Move takes a delivered SMS off its route's queue and puts it on that of another, unless it is no longer
// this daemon's: then the transaction is a conflict. Nobody asks for room: it is there already.
func (t *Tx) Move(d *Delivery, route string) *Tx {
	o, err := ParseOutbound(d.Data)
	if err != nil {
		return t.fail(err)
	}
	if t.q.named(workSMS+route) == nil || route == o.Route {
		return t.fail(fmt.Errorf("%w: %q is no other route", ErrName, route))
	}
	o.Route, o.Again = route, true
	return t.Held(d).Done(d).sms(o, t.Instead)
}
