package counts

import "time"

// pending is what a daemon counted of a group and does not know to be stored.
type pending struct {
	doubtful []doubt // the oldest first
	fresh    Counts  // never sent to the store
	mark     int64   // of the last write
}

// doubt is what went to the store in a write whose outcome is not known, beside what was doubtful before. It
// is stored when the group's mark of this daemon is at least that of the write: each write is made on
// condition that nobody has written since the group was read, so of several in doubt at most one was done,
// and a later one holds all that those before it held.
type doubt struct {
	mark   int64
	counts Counts
}

// beside is what is pending still when so much is stored.
func (p pending) beside(stored Counts, writer string) (left pending) {
	left.fresh, left.mark = p.fresh, p.mark
	for _, d := range p.doubtful {
		if stored.Writers[writer] < d.mark {
			left.doubtful = append(left.doubtful, d)
		}
	}
	return left
}

// sum is all that is pending.
func (p pending) sum(now time.Time) Counts {
	sum := p.fresh
	for _, d := range p.doubtful {
		sum = sum.plus(d.counts, now)
	}
	return sum
}

// doubted is after a write of all that is pending whose outcome is not known.
func (p pending) doubted() pending {
	if len(p.fresh.Slots) > 0 {
		p.doubtful, p.fresh = append(p.doubtful, doubt{p.mark, p.fresh}), empty()
	}
	return p
}

func (p pending) empty() bool { return len(p.doubtful) == 0 && len(p.fresh.Slots) == 0 }
