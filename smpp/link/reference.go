package link

import (
	"hash/maphash"
	"sync"
)

const (
	referenceSlots = 1 << 14 // numbers that are told apart; two in one slot only come round sooner
	referenceKept  = 8       // messages whose reference is known for the case that they are sent again
)

// references gives long messages their concatenation references. A handset puts parts together by sender and
// reference, so the references to one number count up: the 8 bits of most networks come again only after 256
// messages. A message that is sent again keeps its own, so that the parts of both tries still fit.
//
// It is of one process. Each begins anywhere, so a message of another daemon, or of this one before it was
// started again, has the same 8 bits as the one before once in 256 cases.
type references struct {
	seed  maphash.Seed
	mu    sync.Mutex // guards the rest
	slots [referenceSlots]referenceSlot
}

type referenceSlot struct {
	next  uint16
	known [referenceKept]struct {
		id        uint64 // hash; 0 is none
		reference uint16
	}
}

// sent are the references of this process: a handset does not know which link a message came over.
var sent = newReferences()

func newReferences() *references { return &references{seed: maphash.MakeSeed()} }

// of is the reference of a message to a number.
func (r *references) of(to, id string) uint16 {
	number, hash := maphash.String(r.seed, to), maphash.String(r.seed, id)|1
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.slots[number%referenceSlots]
	for _, k := range s.known {
		if k.id == hash {
			return k.reference
		}
	}
	reference := s.next + uint16(number>>32)
	s.known[s.next%referenceKept].id, s.known[s.next%referenceKept].reference = hash, reference
	s.next++
	return reference
}
