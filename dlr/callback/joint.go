package callback

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// Bounds of a message that several batches are stored in together. Of two that are not too many one is at
// least half as full, so the messages of a URL come down to one for 200 changes, and each daemon's to one more.
const (
	maxJoint       = 3 * maxItems // changes
	maxJointOctets = 512 << 10    // of bodies; half of what NATS takes in one message
)

// jointFormat is queue.Message's Format of such a message: daemons that do not know it leave it alone, and it
// is not made while there are any.
const jointFormat = 1

// stored is a message in this dispatcher's hand: one batch, or several. Which are in it is guarded by lanes.mu;
// that it has become another's, by its lane's moves.
type stored struct {
	d       *queue.Delivery
	batches []*sealed
	joint   bool // it was written for several

	read atomic.Pointer[batch] // the only batch, as it came, where it is sent at once; nil: it is read again
}

// size is how many changes and octets are in a message.
func (m *stored) size() (items, octets int) {
	for _, s := range m.batches {
		items += s.items
		octets += s.octets
	}
	return items, octets
}

// hasRoom: it does no harm to write all of it again for an item more.
func (m *stored) hasRoom() bool {
	items, octets := m.size()
	return len(m.batches) == 1 || items < maxJoint && octets < maxJointOctets
}

// without takes a batch out, and tells whether it was the last.
func (m *stored) without(s *sealed) (empty bool) {
	m.batches = slices.DeleteFunc(m.batches, func(o *sealed) bool { return o == s })
	return len(m.batches) == 0
}

// load reads the batches of a message; none when it is not stored any more, or not this daemon's. For callers
// that hold moves.
func (m *stored) load() []*batch {
	if b := m.read.Swap(nil); b != nil && m.d.Unchanged() {
		return []*batch{b}
	}
	if !m.d.Load() {
		return nil
	}
	list, err := decodeStored(m.d)
	m.d.Data = nil
	if err != nil {
		return nil
	}
	return list
}

// named is one of several batches; nil when it is not among them.
func named(list []*batch, id string) *batch {
	if at := slices.IndexFunc(list, func(b *batch) bool { return b.ID == id }); at >= 0 {
		return list[at]
	}
	return nil
}

// lock keeps what is stored of a message in its place: for others that read too, where a batch has a message
// of its own; from all others, where it is joint.
func (l *lane) lock(s *sealed) (unlock func(), joint bool) {
	l.moves.RLock()
	if !s.in.joint {
		return l.moves.RUnlock, false
	}
	l.moves.RUnlock()
	l.moves.Lock()
	return l.moves.Unlock, true // for it never is less
}

// release gives a message back at the end of Run, once nothing of it is under way.
func (t *lanes) release(l *lane, m *stored) {
	if !l.joining && !slices.ContainsFunc(m.batches, func(s *sealed) bool { return s.out }) {
		_ = m.d.Nak(0)
	}
}

// excess is how many messages a lane has beyond one for 200 changes.
func (l *lane) excess() int { return len(l.stored) - max(1, l.changes/maxItems) }

// tidy makes messages one where those of a URL that takes none, for a while now, are too many.
func (t *lanes) tidy(l *lane, now time.Time) {
	switch {
	case l.joining:
		return
	case l.proven || l.excess() <= 0:
		l.crowded = time.Time{}
		return
	case l.crowded.IsZero():
		l.crowded = now
		return
	case now.Sub(l.crowded) < gatherFailed:
		return
	}
	l.crowded = now
	if list := l.joinables(); len(list) > 1 {
		l.joining = true
		t.crew.Do(func() { t.join(l, list) })
	}
}

// joinables are messages that may become one: the smallest, and of those first the ones that do not change any
// more, for what still gets items is written again with each of them.
func (l *lane) joinables() (list []*stored) {
	all := make([]*stored, 0, len(l.stored))
	for m := range l.stored {
		all = append(all, m)
	}
	rank := func(m *stored) int {
		items, _ := m.size()
		if slices.ContainsFunc(m.batches, func(s *sealed) bool { return s.open }) {
			items += maxJoint
		}
		return items
	}
	slices.SortFunc(all, func(a, b *stored) int { return cmp.Compare(rank(a), rank(b)) })
	most, items, octets := l.excess()+1, 0, 0
	for _, m := range all {
		i, o := m.size()
		if len(list) == most {
			break
		}
		if items+i <= maxJoint && octets+o <= maxJointOctets {
			items, octets = items+i, octets+o
			list = append(list, m)
		}
	}
	return list
}

// joinStored makes messages of a lane one, under the key of the first, in one transaction. What is in them
// stays as it is: each batch keeps its id, its body, and when it is tried.
func (d *Dispatcher) joinStored(l *lane, list []*stored) {
	if !d.o.Queue.Understood(jointFormat) {
		d.lanes.joined(l, nil)
		return
	}
	l.moves.Lock()
	defer l.moves.Unlock()
	tx := d.o.Queue.Begin()
	var joined []*stored
	var all []*batch
	for _, m := range list {
		batches := m.load()
		if len(batches) == 0 {
			continue // the receiver has it meanwhile, or it is another daemon's
		}
		if tx.Held(m.d); len(joined) > 0 {
			d.holds.moved(tx.Done(m.d), m.d.Key)
			for _, b := range batches {
				d.holds.move(tx, b.ID, joined[0].d.Key)
			}
		}
		for _, b := range batches {
			b.At = b.storedAt(m.d)
		}
		joined, all = append(joined, m), append(all, batches...)
	}
	if len(joined) < 2 {
		d.lanes.joined(l, nil)
		return
	}
	tx.Instead(storedAs(joined[0].d.Key, all))
	err := d.store(tx, joined[1].d)
	if err != nil {
		if !errors.Is(err, queue.ErrConflict) {
			d.o.Log.Warn().Err(err).Msg("callback: cannot store batches together, trying again")
		}
		joined = nil
	}
	d.lanes.joined(l, joined)
}

// joined ends what tidy began: the first of the messages has now what all had; none when nothing came of it.
func (t *lanes) joined(l *lane, list []*stored) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.joining = false
	for i, m := range list {
		if list[0].joint = true; i == 0 {
			continue
		}
		for _, s := range m.batches {
			s.in = list[0]
		}
		list[0].batches = append(list[0].batches, m.batches...)
		m.batches = nil
		delete(l.stored, m)
	}
	if !t.closing {
		t.step(l)
		return
	}
	for m := range l.stored {
		t.release(l, m)
	}
}

// takeOut adds to a transaction that a batch leaves the message that it is in with others; false: it is not
// in it any more. For callers that hold moves for writing.
func (d *Dispatcher) takeOut(tx *queue.Tx, m *stored, id string) bool {
	list := m.load()
	if named(list, id) == nil {
		return false
	}
	key := m.d.Key
	rest := slices.DeleteFunc(list, func(b *batch) bool { return b.ID == id })
	if len(rest) == 0 {
		tx.Done(m.d)
		d.holds.moved(tx, key)
		d.holds.moved(tx, id)
		return true
	}
	tx.Held(m.d).Instead(storedAs(key, rest))
	if id == key {
		d.holds.move(tx, id, "")
	} else {
		d.holds.moved(tx, id)
	}
	return true
}

const (
	jointPrefix = "events.batches."
	jointMagic  = "batches 1\n"
)

func isJoint(subject string) bool { return strings.HasPrefix(subject, jointPrefix) }

// storedAs is the message of batches of one URL: of one under its own id as it always was, else of all of
// them, one behind the other, each with its length.
func storedAs(key string, list []*batch) queue.Message {
	if len(list) == 1 && list[0].ID == key {
		return list[0].message()
	}
	data := []byte(jointMagic)
	for _, b := range list {
		b.Size = len(b.body)
		data = append(data, b.encode()...)
	}
	return queue.Message{Subject: jointPrefix + queue.Token(key), Key: key, Group: list[0].App, Format: jointFormat, Data: data}
}

// storedAt is when a batch of a message was stored.
func (b *batch) storedAt(m *queue.Delivery) time.Time {
	if b.At.IsZero() {
		return m.Stored
	}
	return b.At
}

func decodeStored(m *queue.Delivery) ([]*batch, error) { return decodeAll(m.Subject, m.Data) }

// decodeAll reads the batches of a message, at least one.
func decodeAll(subject string, data []byte) (list []*batch, err error) {
	if !isJoint(subject) {
		b, err := decode(data)
		if err != nil {
			return nil, err
		}
		return []*batch{b}, nil
	}
	rest, ok := bytes.CutPrefix(data, []byte(jointMagic))
	for ok && len(rest) > 0 {
		head, behind, _ := bytes.Cut(rest, []byte{'\n'})
		b := &batch{}
		if json.Unmarshal(head, b) != nil || b.ID == "" || b.URL == "" || b.Size <= 0 || b.Size > len(behind) {
			return nil, errBatch
		}
		b.body, rest = behind[:b.Size:b.Size], behind[b.Size:]
		list = append(list, b)
	}
	if len(list) == 0 {
		return nil, errBatch
	}
	return list, nil
}
