package dlr

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

func given(messageID, otpID string, part, parts int) Given {
	return Given{messageID, Entry{OtpID: otpID, MessageID: "m-" + otpID, Part: part, Parts: parts, Keep: time.Hour}}
}

// TestAddAccepted: what a transaction stores of ids is what Accepted does, also where an id is there already
// or two parts of a message have one.
func TestAddAccepted(t *testing.T) {
	for name, c := range map[string]struct {
		before, ids []Given
		asked       string
		otpID       string
		part        int // 0: all
	}{
		"a new id":                    {nil, []Given{given("A1", "o1", 1, 1)}, "A1", "o1", 1},
		"each part its own":           {nil, []Given{given("A1", "o1", 1, 2), given("A2", "o1", 2, 2)}, "A2", "o1", 2},
		"one for all parts":           {nil, []Given{given("A1", "o1", 1, 2), given("A1", "o1", 2, 2)}, "A1", "o1", 0},
		"parts numbered behind an id": {nil, []Given{given("msg-1", "o1", 1, 2), given("msg-2", "o1", 2, 2)}, "msg-2", "o1", 2},
		"one that was given before":   {[]Given{given("A1", "o0", 1, 1)}, []Given{given("A1", "o1", 1, 1)}, "A1", "o1", 1},
		"a part without an id":        {nil, []Given{given("", "o1", 1, 2), given("A2", "o1", 2, 2)}, "A2", "o1", 2},
		"stored by both, of one part": {[]Given{given("A1", "o1", 1, 1)}, []Given{given("A1", "o1", 1, 1)}, "A1", "o1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			q := queuetest.Open(t)
			l := newLedger()
			tr := newTracker(t, q, l)
			ctx := context.Background()
			for _, g := range c.before {
				if err := tr.Accepted(ctx, "c", g.MessageID, g.Entry); err != nil {
					t.Fatal(err)
				}
			}
			tx := q.Begin()
			stored := tr.AddAccepted(tx, "c", c.ids)
			if err := q.Commit(ctx, tx); err != nil {
				t.Fatal(err)
			}
			stored()
			for _, reader := range []*Tracker{tr, newTracker(t, q, l)} { // the other has nothing in its cache
				if err := reader.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Parts: PartsEach, Text: fmt.Sprintf(delivered, c.asked), Received: time.Now()}); err != nil {
					t.Fatal(err)
				}
			}
			got := l.reports()
			if len(got) != 2 {
				t.Fatalf("%d reports, want 2", len(got))
			}
			for _, r := range got {
				if r.OtpID != c.otpID || r.Part != c.part {
					t.Errorf("report of %s, part %d; want %s, part %d", r.OtpID, r.Part, c.otpID, c.part)
				}
			}
		})
	}
}

// TestAddAcceptedMeetsAnother: the id is stored by another daemon after it was looked for here.
func TestAddAcceptedMeetsAnother(t *testing.T) {
	q := queuetest.Open(t)
	tr := newTracker(t, q, newLedger())
	ctx := context.Background()
	tx := q.Begin()
	one, other := given("A1", "o1", 1, 1), given("A1", "o2", 1, 1)
	one.To, other.To = "+46701000001", "+46702000002"
	tr.AddAccepted(tx, "c", []Given{one})
	if err := newTracker(t, q, newLedger()).Accepted(ctx, "c", "A1", other.Entry); err != nil {
		t.Fatal(err)
	}
	if err := q.Commit(ctx, tx); !errors.Is(err, queue.ErrConflict) {
		t.Fatalf("the transaction ended with %v", err)
	}
	if err := tr.Accepted(ctx, "c", one.MessageID, one.Entry); err != nil {
		t.Fatal(err)
	}
	e, err := q.Receipts().Get(ctx, keyOf("c", normal("A1")))
	if list := decodeChain(e.Value); err != nil || len(list) != 2 {
		t.Errorf("stored: %+v, %v; want both", list, err)
	}
}
