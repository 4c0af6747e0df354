package link

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// countKept is how many messages to a number have their reference known for the case that they are sent
// again.
const countKept = 4

// count is how far the references to one number have come. The zero value begins anywhere.
type count struct {
	Next uint16    `cbor:"1,keyasint"`
	Last []counted `cbor:"2,keyasint"` // messages, the newest last
}

type counted struct {
	_         struct{} `cbor:",toarray"`
	Message   uint64   // hash of its id
	Reference uint16
}

func hashOf(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	return h.Sum64()
}

// of is the reference that a message was given.
func (c count) of(message uint64) (reference uint16, ok bool) {
	for _, m := range c.Last {
		if m.Message == message {
			return m.Reference, true
		}
	}
	return 0, false
}

// add gives a message the next reference.
func (c *count) add(message uint64) (reference uint16) {
	if len(c.Last) == 0 {
		c.Next = uint16(rand.Uint32())
	}
	reference = c.Next
	c.Next++
	c.Last = append(slices.Clone(c.Last[max(0, len(c.Last)-countKept+1):]), counted{Message: message, Reference: reference})
	return reference
}

// aheadMost is how far one count may be ahead of another and be taken for the same one, further on.
const aheadMost = 256

// unlessBehind is this count, or the other one where that has gone on from it: a process counts by itself
// while the store does not answer.
func (c count) unlessBehind(other count) count {
	if ahead := other.Next - c.Next; len(other.Last) > 0 && (len(c.Last) == 0 || ahead > 0 && ahead < aheadMost) {
		return other
	}
	return c
}

func (c count) encode() []byte {
	b, err := cbor.Marshal(c)
	if err != nil {
		panic(err) // numbers: cannot fail
	}
	return b
}

// decodeCount reads what encode wrote. What cannot be read is as good as nothing, and the next message writes
// it anew.
func decodeCount(value []byte) (c count) {
	if cbor.Unmarshal(value, &c) != nil {
		return count{}
	}
	return c
}
