package callback

import (
	"bytes"
	"context"
	"encoding/json"
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
	tx := d.o.Queue.Begin()
	err := events.Each(ctx, func(m queue.Message) bool {
		data, about := without(m.Subject, m.Data, e164)
		switch {
		case !about:
		case data == nil:
			tx.Drop(events, m.Key)
		default:
			m.Data = bytes.Clone(data)
			tx.Instead(m)
		}
		return true
	})
	if err != nil {
		return err
	}
	return d.o.Queue.Commit(ctx, tx)
}

// ForgetDead is the dead letter of a callback without the items of a number: about says that it had some, and
// nothing is left when it had no others.
func ForgetDead(l *queue.DeadLetter, e164 string) (rest *queue.DeadLetter, about bool) {
	data, about := without(l.Subject, l.Data, e164)
	if !about || data == nil {
		return nil, about
	}
	one := *l
	one.Data = data
	return &one, true
}

// without is a stored item or batch without what tells of a number; nil when that is all of it.
func without(subject string, data []byte, e164 string) (rest []byte, about bool) {
	if !tells(data, e164) {
		return data, false
	}
	if !isBatch(subject) {
		return nil, true
	}
	b, err := decode(data)
	if err != nil {
		return nil, true
	}
	var body struct {
		Event otp.EventKind     `json:"event"`
		Data  []json.RawMessage `json:"data"`
	}
	if json.Unmarshal(b.body, &body) != nil {
		return nil, true
	}
	body.Data = slices.DeleteFunc(body.Data, func(item json.RawMessage) bool { return tells(item, e164) })
	if len(body.Data) == 0 {
		return nil, true
	}
	b.Items = len(body.Data)
	b.Held = slices.DeleteFunc(b.Held, func(h held) bool {
		return !slices.ContainsFunc(body.Data, func(item json.RawMessage) bool { return tells(item, h.OtpID) })
	})
	b.body = fmt.Appendf(nil, `{"event":%q,"data":[%s]}`, body.Event, bytes.Join(rawItems(body.Data), []byte{','}))
	return b.encode(), true
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
