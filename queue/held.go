package queue

import "github.com/otpgw/otpgw/queue/internal/commitlog"

// Load reads a delivery again, for a holder that keeps many and their data not. False: it is no longer stored,
// or no longer this daemon's.
func (d *Delivery) Load() bool {
	again := d.work.delivery(d.item)
	if again == nil || again.claim != d.claim {
		return false
	}
	d.Subject, d.Data, d.revision = again.Subject, again.Data, again.revision
	return true
}

// Unchanged tells whether a delivery is still stored as its data was read, and still this daemon's. It costs a
// fraction of Load.
func (d *Delivery) Unchanged() bool {
	e, ok := d.work.q.ledger.Get(d.work.bucket, d.item.key)
	if !ok || e.Revision != d.revision {
		return false
	}
	d.work.mu.Lock()
	defer d.work.mu.Unlock()
	return d.item.state == itemOut && d.item.claim == d.claim
}

// Held makes a transaction a conflict when a delivery is no longer this daemon's, or no longer what it was when
// its data was read: when it was taken off the queue, when this daemon was stopped for so long that another
// took it, or when its number was erased from it.
func (t *Tx) Held(d *Delivery) *Tx {
	w := d.work
	t.ops = append(t.ops, commitlog.Op{Bucket: w.bucket, Key: d.item.key, Action: commitlog.Check, If: commitlog.IfRevision, Revision: d.revision})
	if w.q.daemons != nil {
		t.ops = append(t.ops, commitlog.Op{Bucket: claimBucket, Key: w.claimKey(d.item.key), Action: commitlog.Check,
			If: commitlog.IfRevision, Revision: d.claim})
	}
	return t
}

// Local is Get of what this daemon has heard of from the log so far, and asks nobody. What is not found may
// be there; but not if it was stored before something that is found, for all is heard in one order.
func (b *Bucket) Local(key string) (Entry, bool) {
	e, ok := b.q.look(b.name, key)
	return Entry{e.Value, e.Revision}, ok
}
