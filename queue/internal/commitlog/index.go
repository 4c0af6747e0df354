package commitlog

// index has the places of a bucket's entries by the hash of their keys: open addressing, in parts that grow
// and shrink one by one, so that no change takes long. A slot takes 8 octets and has nothing for the garbage
// collector to follow.
type index struct {
	parts []part // one, or indexParts, by the first bits of a hash
	keys  int
}

type part struct {
	slots []slot // a power of two; nil: none
	used  int    // with an entry
	marks int    // of entries that were deleted, and behind which others may be
}

type slot struct {
	hash uint32
	ref  ref // 0: empty
}

const (
	deleted ref = 1 // a mark; no entry is there, for page 0 is none

	indexBits  = 10
	indexParts = 1 << indexBits
	splitFrom  = 4096 // keys
	fewSlots   = 8
)

func newIndex() index { return index{parts: make([]part, 1)} }

// part is the one that a hash belongs to.
func (x *index) part(hash uint32) *part {
	if len(x.parts) == 1 {
		return &x.parts[0]
	}
	return &x.parts[hash>>(32-indexBits)]
}

// first is what is read first when a hash is looked for, for whoever wants that to be near.
func (x *index) first(hash uint32) uint32 {
	p := x.part(hash)
	if len(p.slots) == 0 {
		return 0
	}
	return p.slots[int(hash)&(len(p.slots)-1)].hash
}

// add adds a place that is not there yet.
func (x *index) add(hash uint32, r ref) {
	if x.keys++; x.keys > splitFrom && len(x.parts) == 1 {
		x.split()
	}
	x.part(hash).add(hash, r)
}

func (x *index) split() {
	all := x.parts[0].slots
	x.parts = make([]part, indexParts)
	for _, s := range all {
		if s.ref > deleted {
			x.part(s.hash).add(s.hash, s.ref)
		}
	}
}

// move changes a place.
func (x *index) move(hash uint32, from, to ref) {
	p := x.part(hash)
	p.slots[p.at(hash, from)].ref = to
}

// remove takes a place out.
func (x *index) remove(hash uint32, r ref) {
	x.part(hash).remove(hash, r)
	if x.keys--; x.keys == 0 {
		*x = newIndex()
	}
}

// at is the slot of a place that is there.
func (p *part) at(hash uint32, r ref) int {
	mask := len(p.slots) - 1
	at := int(hash) & mask
	for p.slots[at].ref != r {
		at = (at + 1) & mask
	}
	return at
}

func (p *part) add(hash uint32, r ref) {
	if (p.used+p.marks+1)*4 > len(p.slots)*3 {
		p.resize()
	}
	mask := len(p.slots) - 1
	at := int(hash) & mask
	for p.slots[at].ref > deleted {
		at = (at + 1) & mask
	}
	if p.slots[at].ref == deleted {
		p.marks--
	}
	p.slots[at] = slot{hash, r}
	p.used++
}

func (p *part) remove(hash uint32, r ref) {
	at := p.at(hash, r)
	p.used--
	mask := len(p.slots) - 1
	if p.slots[(at+1)&mask].ref != 0 {
		p.slots[at].ref = deleted
		p.marks++
	} else {
		p.slots[at].ref = 0
		for at = (at - 1) & mask; p.slots[at].ref == deleted; at = (at - 1) & mask {
			p.slots[at].ref = 0
			p.marks--
		}
	}
	if len(p.slots) > fewSlots && p.used*8 < len(p.slots) {
		p.resize()
	}
}

// resize makes the slots twice as many as there are entries, about, and none of them a mark.
func (p *part) resize() {
	size := fewSlots
	for size < (p.used+1)*2 {
		size *= 2
	}
	old := p.slots
	*p = part{slots: make([]slot, size)}
	for _, s := range old {
		if s.ref > deleted {
			p.add(s.hash, s.ref)
		}
	}
}
