package smsc

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"otpgw/smpp/text"
)

// Message is a message that came, whole, as the API shows it.
type Message struct {
	ID         string        `json:"id"`         // ours; later messages have higher ones
	MessageIDs []string      `json:"messageIds"` // as answered, by part; empty for a part that is missing
	Time       time.Time     `json:"time"`       // when its last part came
	Account    string        `json:"account"`
	Bind       Kind          `json:"bind"`
	From       string        `json:"from"`
	To         string        `json:"to"`
	Text       string        `json:"text"`
	Code       string        `json:"code"` // what FindCode finds in the text; empty for none
	Encoding   text.Encoding `json:"encoding"`
	DataCoding byte          `json:"dataCoding"`
	Parts      int           `json:"parts"`
	Incomplete bool          `json:"incomplete,omitempty"` // parts never came; the text is of those that did
	Problem    string        `json:"problem,omitempty"`    // what is wrong with its octets
	Receipts   []ReceiptInfo `json:"receipts"`
}

// Filter chooses messages. The zero value chooses all.
type Filter struct {
	To    string // the number, with or without a leading +
	Limit int    // at most so many; zero: all
}

// record is a message in the store. It does not change once it is there, but for taken.
type record struct {
	id    uint64
	msg   Message // without what snapshot adds
	subs  []*submission
	to    string // msg.To as it is compared
	nth   uint64 // its place in the order of coming
	taken bool   // handed out by a wait; guarded by store.mu
}

func (r *record) problem(err error) {
	if err != nil {
		r.msg.Problem = err.Error() // those of package text hold no text
	}
}

// snapshot is the message as it is now.
func (r *record) snapshot(find func(string) string) Message {
	m := r.msg
	m.ID = strconv.FormatUint(r.id, 10)
	m.Code = find(m.Text)
	m.MessageIDs = make([]string, len(r.subs))
	m.Receipts = make([]ReceiptInfo, 0, len(r.subs))
	for i, sub := range r.subs {
		if sub != nil {
			m.MessageIDs[i] = sub.messageID
			m.Receipts = sub.infos(m.Receipts)
		}
	}
	return m
}

// number is a phone number as it is compared: "+" is left out. In the query of a URL that is not escaped it became a
// space.
func number(s string) string { return strings.TrimLeft(strings.TrimSpace(s), "+ ") }

// store keeps the newest messages in a ring, and knows who waits for one.
type store struct {
	keep int

	mu      sync.Mutex // guards the rest
	ring    []*record  // the oldest at start, once it is full
	start   int
	added   uint64
	waiters map[string][]*waiter // by number, the longest waiting first
	waiting int
}

func newStore(keep int) *store {
	return &store{keep: keep, waiters: make(map[string][]*waiter)}
}

// add keeps a message in place of the oldest, and gives it to who waits for it.
func (s *store) add(r *record) {
	r.to = number(r.msg.To)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added++
	r.nth = s.added
	if len(s.ring) < s.keep {
		s.ring = append(s.ring, r)
	} else {
		s.ring[s.start] = r
		s.start = (s.start + 1) % s.keep
	}
	if s.waiting > 0 {
		s.offer(r)
	}
}

// at is the i-th oldest message. The caller holds mu.
func (s *store) at(i int) *record { return s.ring[(s.start+i)%len(s.ring)] }

// list returns the newest messages first.
func (s *store) list(f Filter) []*record {
	to := number(f.To)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Limit <= 0 {
		f.Limit = len(s.ring)
	}
	var rs []*record
	for i := len(s.ring) - 1; i >= 0 && len(rs) < f.Limit; i-- {
		if r := s.at(i); to == "" || r.to == to {
			rs = append(rs, r)
		}
	}
	return rs
}

// clear forgets all messages and says how many there were. Who waits goes on waiting.
func (s *store) clear() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.ring)
	s.ring, s.start = nil, 0
	return n
}

func (s *store) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ring)
}
