package server

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Direction is which way a message went.
type Direction string

// The directions.
const (
	MobileTerminated Direction = "mt" // from a client, for a handset
	MobileOriginated Direction = "mo" // from a handset, for a client: see InjectMO
)

// Message is a message that came, whole, as the API shows it.
type Message struct {
	ID         string        `json:"id"` // ours; later messages have higher ones
	Direction  Direction     `json:"direction"`
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
	Parts      int           `json:"parts"`                // SMS: of a message_payload those that a network sends it in
	Incomplete bool          `json:"incomplete,omitempty"` // parts never came; the text is of those that did
	Problem    string        `json:"problem,omitempty"`    // what is wrong with its octets
	Rule       string        `json:"rule,omitempty"`       // the id of the rule, or the digits of the magic number, that decided
	Replaced   bool          `json:"replaced,omitempty"`   // by replace_sm
	Receipts   []ReceiptInfo `json:"receipts"`             // of an MO: its own deliver_sm
	Segments   []Segment     `json:"segments,omitempty"`   // its PDUs, a replace_sm behind them; only from Server.Message
}

// Filter chooses messages; all that is set has to fit. The zero value chooses all from clients.
type Filter struct {
	To     string // the number, with or without a leading +
	From   string // the sender, in the same way
	Text   string // anywhere in the text, in upper or lower case
	Number string // the number of the handset, whichever way the message went
	Query  string // anywhere in one of number, sender, text and message ids, in upper or lower case
	After  string // newer than that: a message id, or a time in RFC 3339
	Before string // older than that: a message id; what Page gives as the last one
	MO     bool   // those from handsets too
	Limit  int    // at most so many, the newest; zero: all

	// Pattern finds the code (RE2; the first group is the code, or the whole match when it has none) instead
	// of FindCode. It chooses no message.
	Pattern string
}

// Validate says what is wrong with a filter.
func (f Filter) Validate() error {
	if _, err := codeFinder(f.Pattern); err != nil {
		return err
	}
	if f.Before != "" {
		if _, err := strconv.ParseUint(f.Before, 10, 64); err != nil {
			return errBefore
		}
	}
	_, _, err := parseAfter(f.After)
	return err
}

var errBefore = errors.New("before is no message id")

// chooser is a Filter ready to match.
type chooser struct {
	to, from, number, text string
	query                  string
	newer                  func(*record) bool
	mo                     bool
}

func (s *store) chooser(f Filter) (chooser, error) {
	c := chooser{
		to: behave.Number(f.To), from: behave.Number(f.From), number: behave.Number(f.Number), mo: f.MO,
		text: strings.ToLower(f.Text), query: strings.ToLower(strings.TrimSpace(f.Query)),
	}
	if f.After == "" {
		return c, nil
	}
	var err error
	c.newer, err = s.newerThan(f.After)
	return c, err
}

func (c *chooser) fits(r *record) bool {
	mo := r.msg.Direction == MobileOriginated
	handset := r.to
	if mo {
		handset = behave.Number(r.msg.From)
	}
	return (c.mo || !mo) &&
		(c.to == "" || c.to == r.to) &&
		(c.number == "" || c.number == handset) &&
		(c.from == "" || strings.EqualFold(c.from, behave.Number(r.msg.From))) &&
		(c.newer == nil || c.newer(r)) &&
		(c.text == "" || strings.Contains(strings.ToLower(r.msg.Text), c.text)) &&
		(c.query == "" || c.found(r))
}

// found reports whether the query is anywhere in the message.
func (c *chooser) found(r *record) bool {
	for _, s := range []string{r.msg.To, r.msg.From, r.msg.Text} {
		if strings.Contains(strings.ToLower(s), c.query) {
			return true
		}
	}
	if q := behave.Number(c.query); q != "" && q != c.query {
		if strings.Contains(r.to, q) || strings.Contains(behave.Number(r.msg.From), q) {
			return true
		}
	}
	for _, sub := range r.subs {
		if sub != nil && strings.EqualFold(sub.messageID, c.query) {
			return true
		}
	}
	return false
}

// record is a message in the store. It does not change once it is there, but for taken.
type record struct {
	id       uint64
	msg      Message // without what snapshot adds
	subs     []*submission
	frames   []wire.Frame // the PDUs of its parts, as subs
	sessions []string     // over which they came
	to       string       // msg.To as it is compared
	nth      uint64       // its place in the order of coming
	taken    bool         // handed out by a wait; guarded by store.mu
}

func (r *record) problem(err error) {
	if err != nil {
		r.msg.Problem = err.Error() // those of package text hold no text
	}
}

func (r *record) idString() string { return strconv.FormatUint(r.id, 10) }

// snapshot is the message as it is now.
func (r *record) snapshot(find func(string) string) Message {
	m := r.msg
	m.ID = r.idString()
	if m.Direction == "" {
		m.Direction = MobileTerminated
	}
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
	r.to = behave.Number(r.msg.To)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added++
	r.nth = s.added
	if len(s.ring) < s.keep {
		s.ring = append(s.ring, r)
	} else {
		s.ring[s.start].leave()
		s.ring[s.start] = r
		s.start = (s.start + 1) % s.keep
	}
	for _, sub := range r.subs {
		if sub != nil {
			sub.record.Store(r)
		}
	}
	if s.waiting > 0 && r.msg.Direction != MobileOriginated {
		s.offer(r)
	}
}

// leave is the end of a message in the store: what becomes of its receipts is told to nobody any more.
func (r *record) leave() {
	for _, sub := range r.subs {
		if sub != nil {
			sub.record.CompareAndSwap(r, nil)
		}
	}
}

// at is the i-th oldest message. The caller holds mu.
func (s *store) at(i int) *record { return s.ring[(s.start+i)%len(s.ring)] }

// get is the message of that id, nil when it is not there.
func (s *store) get(id string) *record {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.ring) - 1; i >= 0; i-- {
		if r := s.at(i); r.id == n {
			return r
		}
	}
	return nil
}

// replace puts a message in place of another, and reports whether that was there.
func (s *store) replace(old, r *record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.ring {
		if s.ring[i] == old {
			r.to, r.nth, r.taken = old.to, old.nth, old.taken
			s.ring[i] = r
			return true
		}
	}
	return false
}

// list returns the newest messages first, and how many fit but for Filter.Before and Filter.Limit. The error
// is about Filter.After.
func (s *store) list(f Filter) (rs []*record, total int, err error) {
	c, err := s.chooser(f)
	if err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Limit <= 0 {
		f.Limit = len(s.ring)
	}
	older := s.olderThan(f.Before)
	for i := len(s.ring) - 1; i >= 0; i-- {
		r := s.at(i)
		if !c.fits(r) {
			continue
		}
		if total++; len(rs) < f.Limit && older(r) {
			rs = append(rs, r)
		}
	}
	return rs, total, nil
}

// olderThan makes a chooser of Filter.Before. The message itself may be gone. The caller holds mu.
func (s *store) olderThan(before string) func(*record) bool {
	id, err := strconv.ParseUint(before, 10, 64)
	if err != nil {
		return func(*record) bool { return true }
	}
	for i := range s.ring {
		if r := s.at(i); r.id == id { // the order of coming is exact; ids of two binds may cross in it
			nth := r.nth
			return func(r *record) bool { return r.nth < nth }
		}
	}
	return func(r *record) bool { return r.id < id }
}

// clear forgets all messages and says how many there were. Who waits goes on waiting.
func (s *store) clear() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.ring)
	for _, r := range s.ring {
		r.leave()
	}
	s.ring, s.start = nil, 0
	return n
}

func (s *store) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ring)
}
