package callback

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// Forget takes what tells of a number out of the callbacks that wait: whole ones, and out of batches the
// number's items. A batch that was tried before comes with another body then; that is the price of an
// erasure.
func (d *Dispatcher) Forget(ctx context.Context, e164 string) error {
	events := d.o.Queue.Events()
	var keys []string
	err := events.Each(ctx, func(m queue.Message) bool {
		if tells(m.Data, e164) {
			keys = append(keys, m.Key)
		}
		return true
	})
	for _, key := range keys {
		err = errors.Join(err, d.forgetIn(ctx, key, e164))
	}
	return err
}

// forgetIn forgets a number in one message, as it is at the time: items may be added to it, and what a receiver
// has got is taken out.
func (d *Dispatcher) forgetIn(ctx context.Context, key, e164 string) error {
	events := d.o.Queue.Events()
	for {
		m, revision, ok := events.Read(key)
		if !ok {
			return nil
		}
		var list []*batch
		if isBatch(m.Subject) || isJoint(m.Subject) {
			list, _ = decodeAll(m.Subject, m.Data)
		}
		tx := d.o.Queue.Begin().Unchanged(events, key, revision)
		var rest []*batch
		for _, b := range list {
			switch one := without(b, e164); {
			case one != nil:
				rest = append(rest, one)
			case b.ID == key && len(list) > 1:
				d.holds.move(tx, b.ID, "")
			default:
				d.holds.moved(tx, b.ID)
			}
		}
		if len(rest) > 0 {
			tx.Instead(storedAs(key, rest))
		} else { // also an item, and what cannot be read
			d.holds.moved(tx.Drop(events, key), key)
		}
		if err := d.o.Queue.Commit(ctx, tx); !errors.Is(err, queue.ErrConflict) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// ForgetDead is the dead letter of a callback without the items of a number: about says that it had some, and
// nothing is left when it had no others.
func ForgetDead(l *queue.DeadLetter, e164 string) (rest *queue.DeadLetter, about bool) {
	if !tells(l.Data, e164) {
		return l, false
	}
	b, err := decode(l.Data)
	if err != nil || !isBatch(l.Subject) {
		return nil, true
	}
	if b = without(b, e164); b == nil {
		return nil, true
	}
	one := *l
	one.Data = b.encode()
	return &one, true
}

// without is a batch without what tells of a number; nil when that is all of it.
func without(b *batch, e164 string) *batch {
	if !tells(b.body, e164) {
		return b
	}
	var body struct {
		Event otp.EventKind     `json:"event"`
		Data  []json.RawMessage `json:"data"`
	}
	if json.Unmarshal(b.body, &body) != nil {
		return nil
	}
	body.Data = slices.DeleteFunc(body.Data, func(item json.RawMessage) bool { return tells(item, e164) })
	if len(body.Data) == 0 {
		return nil
	}
	b.Items = len(body.Data)
	b.Held = slices.DeleteFunc(b.Held, func(h held) bool {
		return !slices.ContainsFunc(body.Data, func(item json.RawMessage) bool { return tells(item, h.OtpID) })
	})
	b.body = fmt.Appendf(nil, `{"event":%q,"data":[%s]}`, body.Event, bytes.Join(rawItems(body.Data), []byte{','}))
	return b
}

// tells: it is a value of the JSON.
func tells(data []byte, value string) bool { return bytes.Contains(data, []byte(`"`+value+`"`)) }

func rawItems(items []json.RawMessage) [][]byte {
	raw := make([][]byte, len(items))
	for i, item := range items {
		raw[i] = item
	}
	return raw
}
