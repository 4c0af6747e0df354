package link

import (
	"context"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Accepted is one part that the SMSC took: submit_sm_resp with status OK.
type Accepted struct {
	Link      string
	MessageID string // the SMSC's message_id as it was in the response
	Message   *queue.Outbound
	Part      int // from 1
	Parts     int
	Sent      time.Time     // when the try began
	Took      time.Duration // until the answer
	Again     bool          // the Sink was told before, and it could not be stored
}

// HandedOver is a message of which the SMSC took every part.
type HandedOver struct {
	Link    string
	Message *queue.Outbound
	Sent    time.Time     // when the try began that ended so
	Took    time.Duration // until the last answer
	IDs     []string      // the SMSC's message_id of each part; empty for one that was taken in an earlier try
	Parts   []Accepted    // those of which Accepted was not told
}

// Refused is a message that nothing more is done for: the SMSC refused it for good, or said nothing of it too
// often.
type Refused struct {
	Link    string
	Status  wire.Status // of the SMSC; or StatusNoAnswer or StatusHungUp, for which Silent reports true
	Message *queue.Outbound
	Part    int // the first refused part, from 1; 0: the whole message
	Parts   int // 0: not known
}

// Silent: no SMSC said so. The message may have been sent all the same, and a receipt that comes later knows
// better.
func (r Refused) Silent() bool { return r.Status == StatusNoAnswer || r.Status == StatusHungUp }

// Unanswered is a message that went out and was not answered: not in time, or not before its session ended.
type Unanswered struct {
	Link    string
	Message *queue.Outbound
	Sent    time.Time // when it went out; this names the try: told twice, it counts once
	Parts   []int     // those without an answer, from 1; none: it is about to go out, and counted before it does
	Of      int       // parts
	Dropped bool      // the session ended; else the time did
}

// Inherited is a message that another process had in hand, and that may have gone out over one of its route's
// links.
type Inherited struct {
	Links   []string
	Message *queue.Outbound
	Parts   int
}

// Past is what all daemons together know of a message.
type Past struct {
	Over       bool // nothing more is to be sent: it was taken, or its end is known, or nobody waits for it any more
	Unanswered int  // tries without an answer
	Dropped    int  // of them, those in which the session ended
}

// timeouts are the tries of which nothing was heard in time.
func (p Past) timeouts() int { return p.Unanswered - p.Dropped }

// Incoming is a deliver_sm or data_sm.
type Incoming struct {
	Link     string
	Receipt  bool // esm_class or the TLVs say that it is a delivery receipt
	From, To string
	Text     string // decoded; never to be logged
	TLVs     wire.TLVs
	Received time.Time

	// A handset's message may come in parts: those with the same addresses and reference belong together.
	Reference   uint16
	Part, Parts int // from 1; 1 and 1 where it is whole
}

// Sink takes what a link learns. Each method returns nil only when what it was told is stored; the SMSC, or
// the queue, tells it again otherwise. The methods are called from many goroutines.
type Sink interface {
	Accepted(ctx context.Context, a Accepted) error
	// HandedOver adds what it has to store to the transaction that takes the message off its queue; of its
	// Parts that is what Accepted stores. stored is called when the transaction is committed. After a conflict
	// Accepted is called for each of the Parts, and HandedOver again without them.
	HandedOver(tx *queue.Tx, h HandedOver) (stored func())
	Refused(ctx context.Context, r Refused) error
	// Past is asked for a message that may have been sent before; Unanswered adds a try to it, and Answered
	// takes back one that was counted before it went out, and was answered then.
	Past(ctx context.Context, m *queue.Outbound) (Past, error)
	Unanswered(ctx context.Context, u Unanswered) (Past, error)
	Answered(ctx context.Context, u Unanswered) error
	Deliver(ctx context.Context, in Incoming) error
}
