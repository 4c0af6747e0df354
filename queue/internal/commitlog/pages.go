package commitlog

// pages is the memory of the entries: pages of 64 KiB, each cut into slots of one size. It has no pointers
// for the garbage collector to follow, no header for each value, and a page that is empty goes back.
type pages struct {
	list  []page
	spare []uint32 // numbers of pages that are none at present
	free  [classes + 1][]uint32
	bytes int64 // of all pages
}

// ref is a place in the pages: the number of a page, and a unit in it. 0 is nowhere.
type ref uint32

const (
	unit      = 8
	unitBits  = 13
	pageSize  = unit << unitBits
	pageLimit = 1 << (32 - unitBits) // 32 GiB of pages

	fineSize  = 1 << 10 // up to this a class for each unit
	coarse    = 512     // between two classes above
	classes   = fineSize/unit + (largest-fineSize)/coarse
	largest   = 8 << 10 // what is larger has a page of its own, and the class 0
	ownPage   = 0
	slotEmpty = 0 // its first octets; an entry begins with its revision, which is none
)

// page is 64 KiB of slots, or one long slot.
type page struct {
	data  []byte // nil: none at present
	class uint16
	used  uint16 // slots with an entry
	begun uint16 // slots that have ever had one
	first uint16 // of the slots that are free again, from 1; each names the next
	place uint32 // in the list of its class's pages with room, from 1; 0: it has none
}

// classOf is the class of a size.
func classOf(size int) int {
	switch {
	case size > largest:
		return ownPage
	case size > fineSize:
		return fineSize/unit + (size-fineSize+coarse-1)/coarse
	}
	return (size + unit - 1) / unit
}

// slotSize is the size of a class's slots.
func slotSize(class int) int {
	if class > fineSize/unit {
		return fineSize + (class-fineSize/unit)*coarse
	}
	return class * unit
}

func newPages() pages { return pages{list: make([]page, 1)} } // none has the number 0, so that no ref is 0

// room says whether there is a page for any size yet.
func (p *pages) room() bool { return len(p.spare) > 0 || len(p.list) < pageLimit }

// alloc finds a slot for so many octets.
func (p *pages) alloc(size int) ref {
	class := classOf(size)
	if class == ownPage {
		number := p.add(page{data: make([]byte, size), class: ownPage, used: 1, begun: 1})
		return ref(number << unitBits)
	}
	if len(p.free[class]) == 0 {
		p.enlist(p.add(page{data: make([]byte, pageSize), class: uint16(class)}))
	}
	number := p.free[class][len(p.free[class])-1]
	at := &p.list[number]
	slot := at.take()
	if at.full() {
		p.unlist(number)
	}
	return ref(number<<unitBits | uint32(slot*slotSize(class)/unit))
}

// enlist notes that a page has room.
func (p *pages) enlist(number uint32) {
	at := &p.list[number]
	p.free[at.class] = append(p.free[at.class], number)
	at.place = uint32(len(p.free[at.class]))
}

// unlist notes that it has none, or is none any more.
func (p *pages) unlist(number uint32) {
	at := &p.list[number]
	list := p.free[at.class]
	last := list[len(list)-1]
	list[at.place-1] = last
	p.list[last].place = at.place
	p.free[at.class] = list[:len(list)-1]
	at.place = 0
}

func (p *pages) add(one page) uint32 {
	p.bytes += int64(len(one.data))
	if n := len(p.spare); n > 0 {
		number := p.spare[n-1]
		p.spare = p.spare[:n-1]
		p.list[number] = one
		return number
	}
	p.list = append(p.list, one)
	return uint32(len(p.list) - 1)
}

// take takes a slot of a page that is not full.
func (at *page) take() (slot int) {
	at.used++
	if at.first == 0 {
		at.begun++
		return int(at.begun) - 1
	}
	slot = int(at.first) - 1
	link := at.data[slot*slotSize(int(at.class))+slotLink:]
	at.first = uint16(link[0]) | uint16(link[1])<<8
	return slot
}

func (at *page) full() bool {
	return at.first == 0 && (int(at.begun)+1)*slotSize(int(at.class)) > len(at.data)
}

// slotLink is where a free slot names the next one.
const slotLink = 6

// release gives a slot back, and its page when that is empty; the last page of a class with room stays, for
// what comes next.
func (p *pages) release(r ref) {
	number := uint32(r) >> unitBits
	at := &p.list[number]
	class := int(at.class)
	at.used--
	if at.used == 0 && (class == ownPage || len(p.free[class]) > 1) {
		if at.place > 0 {
			p.unlist(number)
		}
		p.bytes -= int64(len(at.data))
		*at = page{}
		p.spare = append(p.spare, number)
		return
	}
	slot := p.at(r)
	clear(slot[:slotLink])
	slot[slotLink], slot[slotLink+1] = byte(at.first), byte(at.first>>8)
	at.first = uint16(int(r&(1<<unitBits-1))*unit/slotSize(class)) + 1
	if at.place == 0 {
		p.enlist(number)
	}
}

// at is the slot of a ref.
func (p *pages) at(r ref) []byte {
	one := &p.list[uint32(r)>>unitBits]
	if one.class == ownPage {
		return one.data
	}
	start := int(r&(1<<unitBits-1)) * unit
	return one.data[start : start+slotSize(int(one.class))]
}

// holds says whether a ref, which may be an old one, is that of a slot now.
func (p *pages) holds(r ref) bool {
	number, start := uint32(r)>>unitBits, int(r&(1<<unitBits-1))*unit
	if int(number) >= len(p.list) || p.list[number].data == nil {
		return false
	}
	one := &p.list[number]
	if one.class == ownPage {
		return start == 0
	}
	size := slotSize(int(one.class))
	return start%size == 0 && start/size < int(one.begun)
}

// slots calls f, which may release what it is given, for each slot of a page that has ever had an entry.
func (p *pages) slots(number int, f func(slot []byte)) {
	data, size, begun := p.list[number].data, slotSize(int(p.list[number].class)), int(p.list[number].begun)
	if size == 0 && begun > 0 {
		f(data)
		return
	}
	for n := range begun {
		f(data[n*size : (n+1)*size])
	}
}
