package dlr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// A message that was never answered has no message id, and its receipts name one that nobody knows. They are
// brought together by the link, the number, the sender and the time, when exactly one message fits: each
// number of a link has one value in the bucket of message ids, with the parts that wait for a receipt (waits)
// and the receipts that nobody knew (strays), whichever comes first. Which receipt was which part's is
// stored, so one that comes again means the same part.

// unansweredFor is how long after the end of a message's PIN its receipt is still looked for.
const unansweredFor = time.Hour

// maxWaits bounds the two lists of a number; the oldest go first.
const maxWaits = 16

// wait is a part that went out once without an answer.
type wait struct {
	stored
	From  string    `json:"f"` // party of the sender
	Sent  time.Time `json:"w"`
	Until time.Time `json:"u"`
	ID    string    `json:"id,omitempty"` // of the receipt that was its own
}

// stray is a receipt that matched nothing.
type stray struct {
	ID       string    `json:"id"`
	From     string    `json:"f"`
	Received time.Time `json:"r"`
}

// meeting is the value of a number.
type meeting struct {
	Waits  []wait  `json:"w,omitempty"`
	Strays []stray `json:"x,omitempty"`
}

// meetingKey is the key of a number on a link. No normal form of a message id makes the same.
func meetingKey(link, number string) string { return token(link) + ".=n" + number }

// party is an address as receipts and messages are compared by it: the last digits of a number, or a name.
func party(address string) string {
	if digits := tail(address); digits != "" {
		return digits
	}
	return strings.ToLower(strings.TrimSpace(strings.TrimPrefix(address, "+")))
}

// Try is a message that went out over a link and was not answered.
type Try struct {
	Link  string
	Entry       // Part is of no meaning
	Parts []int // those without an answer, from 1
	Sent  time.Time
	Until time.Time // the end of its PIN
}

// Await has the receipts of a try's parts recognised, those to come and those that came already. heard: every
// one of its parts has one, so the message is with the carrier.
func (x *Index) Await(ctx context.Context, t Try) (heard bool, err error) {
	number, missing := tail(t.Entry.To), 0
	if number == "" || len(t.Parts) == 0 {
		return false, nil
	}
	err = x.meet(ctx, meetingKey(t.Link, number), func(m *meeting) bool {
		for _, part := range t.Parts {
			w := wait{From: party(t.Entry.From), Sent: t.Sent.UTC(), Until: t.Until.Add(unansweredFor).UTC(),
				stored: stored{OtpID: t.OtpID, MessageID: t.MessageID, Part: part, Parts: t.Entry.Parts, Address: number}}
			if !slices.ContainsFunc(m.Waits, w.same) {
				m.Waits = append(m.Waits, w)
			}
		}
		m.Strays = slices.DeleteFunc(m.Strays, func(s stray) bool {
			_, ok := m.claim(s)
			return ok
		})
		missing = 0
		for _, part := range t.Parts {
			if !slices.ContainsFunc(m.Waits, func(w wait) bool { return w.MessageID == t.MessageID && w.Part == part && w.ID != "" }) {
				missing++
			}
		}
		return true
	})
	return err == nil && missing == 0, err
}

func (w wait) same(o wait) bool {
	return o.MessageID == w.MessageID && o.Part == w.Part && o.Sent.Equal(w.Sent)
}

// Adopt finds the one message that was never answered and fits a receipt that no id leads to; false when
// there is none, or more than one. Such a receipt is kept in mind for a message whose time is not yet up.
func (x *Index) Adopt(ctx context.Context, link, id string, parties []string, received time.Time) (Entry, bool, error) {
	if len(parties) != 2 {
		return Entry{}, false, nil
	}
	for i, number := range parties {
		if tail(number) != number || number == "" {
			continue // a name, or a number too short to be a handset's
		}
		s := stray{ID: trimID(id), From: parties[1-i], Received: received.UTC()}
		var mine wait
		var ok bool
		err := x.meet(ctx, meetingKey(link, number), func(m *meeting) bool {
			known := slices.ContainsFunc(m.Waits, func(w wait) bool { return w.ID == s.ID })
			if mine, ok = m.claim(s); ok {
				return !known
			}
			if slices.ContainsFunc(m.Strays, func(o stray) bool { return o.ID == s.ID }) {
				return false
			}
			m.Strays = append(m.Strays, s)
			return true
		})
		if err != nil || ok {
			return mine.entry(), ok, err
		}
	}
	return Entry{}, false, nil
}

// claim gives a receipt the part that is its own: the one it had before, or the first free one of the only
// message that fits.
func (m *meeting) claim(s stray) (wait, bool) {
	var free []int
	for i, w := range m.Waits {
		switch {
		case w.From != s.From || s.Received.Before(w.Sent.Truncate(time.Second)) || s.Received.After(w.Until):
		case w.ID == s.ID:
			return w, true
		case w.ID == "":
			free = append(free, i)
		}
	}
	if len(free) == 0 {
		return wait{}, false
	}
	first := &m.Waits[free[0]]
	for _, i := range free {
		if m.Waits[i].MessageID != first.MessageID {
			return wait{}, false
		}
	}
	first.ID = s.ID
	return *first, true
}

// meet changes the value of a number by compare-and-set; change says whether there is anything to store.
func (x *Index) meet(ctx context.Context, key string, change func(m *meeting) bool) error {
	for range maxRaces {
		var m meeting
		e, err := x.bucket.Get(ctx, key)
		if err != nil && !errors.Is(err, queue.ErrNotFound) {
			return fmt.Errorf("dlr: read what a number waits for: %w", err)
		}
		if err == nil {
			_ = json.Unmarshal(e.Value, &m) // unreadable is as good as empty
		}
		now := x.now()
		m.Waits = slices.DeleteFunc(m.Waits, func(w wait) bool { return now.After(w.Until) })
		m.Strays = slices.DeleteFunc(m.Strays, func(s stray) bool { return now.Sub(s.Received) > unansweredFor })
		if !change(&m) {
			return nil
		}
		m.Waits = m.Waits[max(0, len(m.Waits)-maxWaits):]
		m.Strays = m.Strays[max(0, len(m.Strays)-maxWaits):]
		value, merr := json.Marshal(m)
		if merr != nil {
			return merr
		}
		if err != nil {
			_, err = x.bucket.Create(ctx, key, value, 0)
		} else {
			_, err = x.bucket.Update(ctx, key, value, 0, e.Revision)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, queue.ErrConflict) && !errors.Is(err, queue.ErrNotFound) {
			return fmt.Errorf("dlr: store what a number waits for: %w", err)
		}
	}
	return fmt.Errorf("dlr: store what a number waits for: %w", queue.ErrConflict)
}
