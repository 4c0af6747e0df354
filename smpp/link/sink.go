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
}

// Refused is a message that the SMSC refused for good.
type Refused struct {
	Link    string
	Status  wire.Status
	Message *queue.Outbound
	Part    int // the first refused part, from 1
	Parts   int
}

// Incoming is a deliver_sm or data_sm.
type Incoming struct {
	Link     string
	Receipt  bool // esm_class or the TLVs say that it is a delivery receipt
	From, To string
	Text     string            // decoded; never to be logged
	TLVs     map[uint16][]byte // by tag
	Received time.Time

	// A handset's message may come in parts: those with the same addresses and reference belong together.
	Reference   uint16
	Part, Parts int // from 1; 1 and 1 where it is whole
}

// Sink takes what a link learns. Each method returns nil only when what it was told is stored; the SMSC, or the queue,
// tells it again otherwise. The methods are called from many goroutines.
type Sink interface {
	Accepted(ctx context.Context, a Accepted) error
	Refused(ctx context.Context, r Refused) error
	Deliver(ctx context.Context, in Incoming) error
}
