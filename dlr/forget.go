package dlr

import (
	"context"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/queue"
)

// Forget erases the carriers' message ids of OTPs that are no more, of messages to the number, and the
// receipts of it that wait. Of a number its last digits are kept, so that ids of another number with the same
// ones may go with it: their receipts are not matched then.
func (t *Tracker) Forget(ctx context.Context, e164 string, ids []string) error {
	end := tail(e164)
	theirs := func(s stored) bool { return slices.Contains(ids, s.OtpID) || end != "" && s.Address == end }
	left := make(map[string]chain)
	err := t.queue.Receipts().Each(ctx, func(key string, value []byte) bool {
		if end != "" && strings.HasSuffix(key, meetingKey("", end)[1:]) {
			left[key] = nil
		} else if list := decodeChain(value); slices.ContainsFunc(list, theirs) {
			left[key] = slices.DeleteFunc(list, theirs)
		}
		return true
	})
	if err != nil {
		return err
	}
	tx := t.queue.Begin()
	for key, list := range left {
		if len(list) == 0 {
			tx.Delete(t.queue.Receipts(), key)
		} else {
			tx.Put(t.queue.Receipts(), key, list.encode(), 0)
		}
	}
	parked := t.queue.Parked()
	err = parked.Each(ctx, func(m queue.Message) bool {
		p, err := decodeParked(m.Data)
		if err == nil && end != "" && (slices.Contains(p.Addresses, end) || slices.Contains(p.Parties, end)) {
			tx.Drop(parked, m.Key)
		}
		return true
	})
	if err != nil {
		return err
	}
	return t.queue.Commit(ctx, tx)
}

// AboutNumber says whether a dead letter of this package is of a receipt from a number.
func AboutNumber(l *queue.DeadLetter, e164 string) bool {
	p, err := decodeParked(l.Data)
	end := tail(e164)
	return err == nil && end != "" && (slices.Contains(p.Addresses, end) || slices.Contains(p.Parties, end))
}
