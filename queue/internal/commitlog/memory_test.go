package commitlog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// memory is a Stream and its Snapshots in memory, with the faults of a real one: appends that are lost before
// or after they are stored, that come late, or are refused.
type memory struct {
	mu       sync.Mutex // guards the rest
	messages []Message  // those that are left; the first has position first
	first    uint64
	ids      map[string]uint64
	clock    time.Time // of the server
	grown    chan struct{}
	readings int // those that were begun before another number end

	snapshot         []byte
	snapshotPosition uint64

	faults func() fault // nil: none
	lags   func() bool  // of a reading, before it goes on: it stands still for a while; nil: never
}

// lag is for how long a reading stands still.
const lag = 20 * time.Millisecond

// fault is what happens to an append.
type fault int

const (
	stored       fault = iota
	lostBefore         // not stored, no answer
	lostAfter          // stored, no answer
	storedLate         // no answer, and stored after a while
	refusedFull        // answered: full
	clockJumped        // stored; the server's clock is set an hour ahead
	clockSetBack       // stored; the server's clock is set an hour back
)

func newMemory() *memory {
	return &memory{first: 1, ids: make(map[string]uint64), clock: time.Unix(1_800_000_000, 0), grown: make(chan struct{})}
}

var errNoAnswer = errors.New("no answer")

func (m *memory) Append(_ context.Context, id string, data []byte) (uint64, error) {
	m.mu.Lock()
	f := stored
	if m.faults != nil {
		f = m.faults()
	}
	m.mu.Unlock()
	switch f {
	case lostBefore:
		return 0, errNoAnswer
	case refusedFull:
		return 0, ErrFull
	case storedLate:
		late := bytes.Clone(data)
		time.AfterFunc(rand.N(3*time.Millisecond), func() { m.store(id, late) })
		return 0, errNoAnswer
	case lostAfter:
		m.store(id, data)
		return 0, errNoAnswer
	case clockJumped:
		m.setClock(time.Hour)
	case clockSetBack:
		m.setClock(-time.Hour)
	}
	return m.store(id, data), nil
}

func (m *memory) setClock(by time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock = m.clock.Add(by)
}

func (m *memory) store(id string, data []byte) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.ids[id]; ok && rand.N(4) > 0 { // its memory of ids is short
		return at
	}
	m.clock = m.clock.Add(rand.N(time.Millisecond))
	at := m.first + uint64(len(m.messages))
	m.messages = append(m.messages, Message{Position: at, Stamp: m.clock, Data: bytes.Clone(data)})
	m.ids[id] = at
	close(m.grown)
	m.grown = make(chan struct{})
	return at
}

func (m *memory) Read(ctx context.Context, after uint64, f func(Message) error) error {
	reading := -1
	for {
		m.mu.Lock()
		if reading < 0 {
			reading = m.readings
		}
		over := reading != m.readings
		grown := m.grown
		var next []Message
		if from := max(after+1, m.first); from < m.first+uint64(len(m.messages)) {
			next = append(next, m.messages[from-m.first:]...)
		}
		lags := len(next) > 0 && m.lags != nil && m.lags()
		m.mu.Unlock()
		if over {
			return errNoAnswer
		}
		if lags {
			select {
			case <-ctx.Done():
			case <-time.After(lag):
			}
			continue // what it has not read may have been removed
		}
		for _, one := range next {
			if one.Data == nil {
				continue
			}
			if err := f(one); err != nil {
				return err
			}
			after = one.Position
		}
		if len(next) > 0 {
			if rand.N(20) == 0 {
				return errNoAnswer // readers are interrupted now and then
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}

// lose makes a hole in the log.
func (m *memory) lose(position uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages[position-m.first].Data = nil
}

func (m *memory) Bounds(context.Context) (first, last uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first, m.first + uint64(len(m.messages)) - 1, nil
}

func (m *memory) Get(_ context.Context, position uint64) (Message, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := position - m.first
	if position < m.first || at >= uint64(len(m.messages)) || m.messages[at].Data == nil {
		return Message{}, false, nil
	}
	return m.messages[at], true, nil
}

func (m *memory) Trim(_ context.Context, position uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := position + 1; n > m.first {
		m.messages = m.messages[min(n-m.first, uint64(len(m.messages))):]
		m.first = n
	}
	return nil
}

func (m *memory) Newest(context.Context) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.snapshot == nil {
		return nil, nil
	}
	return io.NopCloser(bytes.NewReader(m.snapshot)), nil
}

func (m *memory) Put(_ context.Context, position uint64, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.snapshot == nil || position >= m.snapshotPosition {
		m.snapshot, m.snapshotPosition = b.Bytes(), position
	}
	return nil
}

// cut drops what was stored after a position, as a power loss does.
func (m *memory) cut(position uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cutNow(position)
}

// cutNow is for callers that hold mu.
func (m *memory) cutNow(position uint64) {
	m.messages = m.messages[:position+1-m.first]
	for id, at := range m.ids {
		if at > position {
			delete(m.ids, id)
		}
	}
}

// lostPower drops some messages of the end, but none that the newest snapshot has, and ends all readings. Now and
// then another writer has stored more than that by then.
func (m *memory) lostPower() {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := m.first + uint64(len(m.messages)) - 1
	least := max(m.snapshotPosition, m.first-1)
	if end > least {
		lost := min(end-least, 1+rand.N(uint64(12)))
		m.cutNow(end - lost)
		if rand.N(2) == 0 {
			m.write(int(lost) + rand.N(12))
		}
	}
	m.interruptNow()
}

// interrupt ends all readings, as the end of their server does.
func (m *memory) interrupt() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.interruptNow()
}

// interruptNow is for callers that hold mu.
func (m *memory) interruptNow() {
	m.readings++
	close(m.grown)
	m.grown = make(chan struct{})
}
