package callback

import "bytes"

// A batch that is stored here comes back through the queue: to this daemon at most times, for which its lane
// counts it as under way from the moment at which it is announced; or to another.

// expected are announced batches, by whether they are stored for certain.
type expected map[string]bool

// expect announces a batch that is about to be stored here: when it comes back from the queue, nobody has
// sent it yet.
func (t *lanes) expect(l *lane, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expectLocked(l, id)
}

// expectLocked is expect for callers that hold mu.
func (t *lanes) expectLocked(l *lane, id string) {
	if len(t.expected) > maxUnsealed { // of lanes that are gone
		clear(t.expected)
		clear(t.made)
	}
	t.expected[id] = false
	l.coming[id] = struct{}{}
}

// settled says what became of the transaction of an announced batch.
func (t *lanes) settled(to target, id string, stored bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.expected[id]; !ok {
		return // it has come back
	}
	if t.expected[id] = stored; !stored {
		t.unexpect(t.byTarget[to], id)
	}
}

// whereabouts of an announced batch.
type whereabouts int

const (
	nowhereElse whereabouts = iota // on its way here, as far as is known
	withAnother                    // another daemon has it
	gone                           // its receiver has it, or it was never stored
)

// where is for callers that hold mu. It forgets what is gone.
func (t *lanes) where(l *lane, id string) whereabouts {
	stored, announced := t.expected[id]
	if announced && !stored {
		return nowhereElse
	}
	there, mine := false, false
	if announced {
		there, mine = t.stands(id)
	}
	switch {
	case mine:
		return nowhereElse
	case there:
		return withAnother
	}
	t.unexpect(l, id)
	return gone
}

// unexpect is for callers that hold mu; l may be nil.
func (t *lanes) unexpect(l *lane, id string) {
	delete(t.expected, id)
	delete(t.made, id)
	if l != nil {
		delete(l.coming, id)
	}
}

// coming counts the batches of a lane that were stored here and have not come back: those that are on their
// way, and those that another daemon sends.
func (t *lanes) coming(l *lane) (here, elsewhere int) {
	for id := range l.coming {
		switch t.where(l, id) {
		case nowhereElse:
			here++
		case withAnother:
			elsewhere++
		}
	}
	return here, elsewhere
}

// came takes note of a batch that is here, and tells whether it was announced: whether it was made here and
// never sent. For callers that hold mu.
func (t *lanes) came(l *lane, id string) (announced bool) {
	_, announced = t.expected[id]
	t.unexpect(l, id)
	return announced
}

// made is a batch that was made here, and its data as it was to be stored.
type made struct {
	batch *batch
	data  []byte
}

// maxMade bounds them: of more the data is read when they come back.
const maxMade = 1024

// keepMade keeps an announced batch until it comes back.
func (t *lanes) keepMade(b *batch, data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.expected[b.ID]; ok && len(t.made) < maxMade {
		t.made[b.ID] = made{b, data}
	}
}

// madeHere is the batch with this data, if it was made here not long ago; else nil.
func (t *lanes) madeHere(id string, data []byte) *batch {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m, ok := t.made[id]; ok && bytes.Equal(m.data, data) {
		return m.batch
	}
	return nil
}
