package link

import "time"

// meter counts the events of the last second.
type meter struct {
	began time.Time   // of the first event: differences are monotonic, the time of day is not
	slots [10]float64 // a tenth of a second each
	last  int64       // the tenth of the newest slot
}

func (m *meter) roll(now time.Time) {
	if m.began.IsZero() {
		m.began = now
	}
	tenth := int64(now.Sub(m.began) / (100 * time.Millisecond))
	for i := max(m.last+1, tenth-int64(len(m.slots))+1); i <= tenth; i++ {
		m.slots[i%int64(len(m.slots))] = 0
	}
	m.last = max(m.last, tenth)
}

func (m *meter) add(now time.Time) {
	m.roll(now)
	m.slots[m.last%int64(len(m.slots))]++
}

func (m *meter) sum(now time.Time) (n float64) {
	m.roll(now)
	for _, v := range m.slots {
		n += v
	}
	return n
}
