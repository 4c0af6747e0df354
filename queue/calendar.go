package queue

import "encoding/binary"

// calendar keeps what is to be done at a time in few octets, for there may be millions: the keys of ten
// seconds stand in one slice of octets, one behind the other, until those seconds come.
type calendar struct {
	slots map[int64][]byte
	begun int64 // the slot that was opened last
}

// calendarSlot is the length of a slot in milliseconds.
const calendarSlot = 10_000

func newCalendar() calendar { return calendar{slots: make(map[int64][]byte)} }

// add notes a key; false when its slot is open already. first: there was nothing before it.
func (c *calendar) add(at int64, key string) (noted, first bool) {
	slot := at / calendarSlot
	if slot <= c.begun {
		return false, false
	}
	first = len(c.slots) == 0
	out := binary.AppendUvarint(c.slots[slot], uint64(at%calendarSlot))
	out = binary.AppendUvarint(out, uint64(len(key)))
	c.slots[slot] = append(out, key...)
	return true, first
}

// open takes out the slots that begin before a time.
func (c *calendar) open(now int64) (opened map[int64][]byte) {
	last := now / calendarSlot
	if last <= c.begun {
		return nil
	}
	if first := c.begun + 1; last-first < int64(len(c.slots)) {
		for slot := first; slot <= last; slot++ {
			opened = c.take(slot, opened)
		}
	} else { // a long pause, or the first time
		for slot := range c.slots {
			if slot <= last {
				opened = c.take(slot, opened)
			}
		}
	}
	c.begun = last
	return opened
}

func (c *calendar) take(slot int64, opened map[int64][]byte) map[int64][]byte {
	if list, ok := c.slots[slot]; ok {
		if opened == nil {
			opened = make(map[int64][]byte)
		}
		opened[slot] = list
		delete(c.slots, slot)
	}
	return opened
}

// eachOpened calls f for what was in opened slots.
func eachOpened(opened map[int64][]byte, f func(at int64, key string)) {
	for slot, list := range opened {
		for len(list) > 0 {
			offset, n := binary.Uvarint(list)
			length, m := binary.Uvarint(list[n:])
			list = list[n+m:]
			f(slot*calendarSlot+int64(offset), string(list[:length]))
			list = list[length:]
		}
	}
}

// next is when the next slot opens; 0 when there is none.
func (c *calendar) next() int64 {
	if len(c.slots) == 0 {
		return 0
	}
	return (c.begun + 1) * calendarSlot
}
