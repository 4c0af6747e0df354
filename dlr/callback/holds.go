package callback

import (
	"slices"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// holds says in which batch the newest stored change of an OTP is (bucket hold: OTP to webhook-id). It is
// written in the transaction that stores the batch and takes its items off, so that a change is either an
// item, or in exactly one batch.
type holds struct {
	queue  *queue.Queue
	bucket *queue.Bucket
	within *queue.Bucket // the message that a batch is in, by its id, where that has not its name
}

// put holds the OTPs of what comes into a batch now, and only those: a newer change of another that is in it may
// be in a later batch, which holds that OTP.
func (h *holds) put(tx *queue.Tx, b *batch, events ...*otp.Event) {
	held, by := make(map[string]bool, len(events)), []byte(b.ID)
	for _, e := range events {
		if !held[e.OtpID] {
			held[e.OtpID] = true
			tx.Put(h.bucket, e.OtpID, by, 0)
		}
	}
}

// release takes a batch's holds off, in the transaction that takes it off: those that are still its own. One
// that becomes another's in the same moment is a conflict.
func (h *holds) release(tx *queue.Tx, b *batch) {
	for _, o := range b.Held {
		if e, ok := h.bucket.Local(o.OtpID); ok && string(e.Value) == b.ID {
			tx.DeleteRevision(h.bucket, o.OtpID, e.Revision)
		}
	}
}

// of is the batch that holds an OTP, if one does.
func (h *holds) of(otpID string) (id string, ok bool) {
	e, ok := h.bucket.Local(otpID)
	return string(e.Value), ok
}

// before are the batches that have to go before one with these items. What is known here is enough: whoever
// knows of an item knows of what was stored before it, by the order of the log.
func (h *holds) before(items []job) []string {
	var ids []string
	for _, j := range items {
		if j.event.N == 1 {
			continue
		}
		if id, ok := h.of(j.event.OtpID); ok && !slices.Contains(ids, id) && h.stored(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// stored tells whether a batch still waits for its receiver, here or with another daemon. It is looked for
// under its own name first, for it may become one of several under another's meanwhile, and never the reverse.
func (h *holds) stored(id string) bool {
	own := h.queue.Events().Stored(id)
	in, moved := h.within.Local(id)
	return len(in.Value) > 0 || own && !moved
}

// move notes that a batch is in the message with a key, which is another's name; an empty key: it is gone,
// and others are under its name.
func (h *holds) move(tx *queue.Tx, id, key string) { tx.Put(h.within, id, []byte(key), 0) }

// moved takes that note off.
func (h *holds) moved(tx *queue.Tx, id string) { tx.Delete(h.within, id) }

// early tells whether the change right before an item's is still an item too. (Those before that are none
// then either: items become batches in their order.)
func (h *holds) early(e *otp.Event) bool {
	return e.N > 1 && h.queue.Events().Stored(otp.EventKey(e.OtpID, e.N-1))
}
