package dlr

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/otpgw/otpgw/dlr/receipt"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/wire"
)

// unparsable is what is kept of a receipt that could not be read.
type unparsable struct {
	Link     string            `json:"link"`
	Keys     string            `json:"keys"` // of the text, redacted
	TLVs     map[string]string `json:"tlvs,omitempty"`
	Received time.Time         `json:"received"`
}

// maxKeptTLV bounds the octets kept of one TLV.
const maxKeptTLV = 80

// refuse dead-letters a receipt that has no id or no state. Of the TLVs it keeps only those of a receipt:
// another, message_payload for one, may hold the text.
func (t *Tracker) refuse(ctx context.Context, in Incoming) error {
	u := unparsable{Link: in.Link, Keys: receipt.Redact(in.Text), TLVs: make(map[string]string), Received: in.Received.UTC()}
	for _, tag := range []uint16{wire.TagReceiptedMessageID, wire.TagNetworkErrorCode, wire.TagMessageState} {
		if v, ok := in.TLVs.Get(tag); ok {
			u.TLVs[fmt.Sprintf("%04X", tag)] = hex.EncodeToString(v[:min(len(v), maxKeptTLV)])
		}
	}
	data, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("dlr: unparsable receipt: %w", err)
	}
	if n, ok := t.quiet.Due(in.Link+" unparsable", t.Now()); ok {
		t.log.Warn().Str("link", in.Link).Int("count", n).Str("keys", u.Keys).Msg("receipt without a message id or a state, dead-lettered")
	}
	return t.queue.DeadLetter(ctx, queue.DeadLetter{Kind: deadKind, Group: in.Link, Reason: "unparsable", Subject: subjectOf(in.Link), Data: data})
}
