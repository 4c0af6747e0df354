package link_test

import (
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// rivalSink is one whose ids another daemon stores too, in the moment before this one's transaction.
type rivalSink struct {
	*recorder
	r *rig
}

func (s rivalSink) HandedOver(tx *queue.Tx, h link.HandedOver) func() {
	for _, a := range h.Parts {
		tx.Create(s.r.q.Receipts(), a.MessageID, []byte("ours"), time.Minute)
		if _, err := s.r.q.Receipts().Put(ctx(s.r.t), a.MessageID, []byte("a rival's"), time.Minute); err != nil {
			s.r.t.Error(err)
		}
	}
	return s.recorder.HandedOver(tx, h)
}

// TestIDsAreStoredWithTheMessagesEnd: once each, also where the transaction meets another writer of an id;
// the message is sent once.
func TestIDsAreStoredWithTheMessagesEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	l := r.linkTo(r.config(nil), rivalSink{r.sink, r})
	r.run(l)
	r.put("+46701000001", "code")
	a := next(t, r.sink.accepted)
	if a.MessageID == "" || a.Part != 1 || a.Parts != 1 {
		t.Errorf("accepted: %+v", a)
	}
	r.drained()
	if n := len(r.sink.accepted); n != 0 {
		t.Errorf("the Sink was told %d times more of one part", n)
	}
	if n := len(r.smsc.Messages(smsc.Filter{})); n != 1 {
		t.Errorf("sent %d times", n)
	}
}
