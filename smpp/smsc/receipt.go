package smsc

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"otpgw/smpp/session"
	"otpgw/smpp/wire"
)

const (
	// maxAttempts is how often a receipt is sent that the peer answers with a temporary error, or not at all. A
	// connection that ends is no attempt.
	maxAttempts = 5
	// excerptLen is how many characters of the message a receipt repeats (SMPP 3.4, appendix B).
	excerptLen = 20
)

// ReceiptStatus is how far a receipt got.
type ReceiptStatus string

// The ways of a receipt.
const (
	ReceiptScheduled ReceiptStatus = "scheduled" // its delay runs, or the time to the next attempt
	ReceiptQueued    ReceiptStatus = "queued"    // waits for a bind that can receive, or for room in its window
	ReceiptAnswered  ReceiptStatus = "answered"  // with ESME_ROK
	ReceiptFailed    ReceiptStatus = "failed"    // refused, or tried too often
	ReceiptDropped   ReceiptStatus = "dropped"   // too many waited
)

// ReceiptInfo is a receipt as the API shows it.
type ReceiptInfo struct {
	MessageID string        `json:"messageId"` // the part's
	State     State         `json:"state"`
	Time      time.Time     `json:"time"` // of the last change of status
	Status    ReceiptStatus `json:"status"`
	Attempts  int           `json:"attempts"`
	Answer    string        `json:"answer,omitempty"` // the last attempt's, when it was not ESME_ROK
}

// submission is what one submit_sm became: that which has a message id and receipts. It outlives its message in the
// store as long as receipts wait, so it holds only what they need.
type submission struct {
	messageID    string
	source, dest wire.Address
	excerpt      string
	at           time.Time

	mu       sync.Mutex // guards receipts
	receipts []ReceiptInfo
}

func (s *submission) infos(dst []ReceiptInfo) []ReceiptInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(dst, s.receipts...)
}

// delivery is one receipt on its way.
type delivery struct {
	srv      *Server
	to       *account
	sub      *submission
	nth      int // its place in sub.receipts
	receipt  Receipt
	attempts int     // owned by whoever holds the delivery
	before   *answer // the answer that waits for this receipt, for an early one
}

// newDelivery makes the receipt and enters it in its submission.
func (s *Server) newDelivery(acc *account, sub *submission, r Receipt) *delivery {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.receipts = append(sub.receipts, ReceiptInfo{
		MessageID: sub.messageID, State: r.State, Time: time.Now(), Status: ReceiptScheduled,
	})
	return &delivery{srv: s, to: acc, sub: sub, nth: len(sub.receipts) - 1, receipt: r}
}

func (d *delivery) note(status ReceiptStatus, answer string) {
	d.sub.mu.Lock()
	defer d.sub.mu.Unlock()
	r := &d.sub.receipts[d.nth]
	r.Status, r.Time, r.Attempts, r.Answer = status, time.Now(), d.attempts, answer
}

// start sends the receipt when its delay is over.
func (d *delivery) start() {
	if d.receipt.Delay <= 0 || d.receipt.Early {
		d.fire()
		return
	}
	d.srv.schedule.add(time.Now().Add(d.receipt.Delay), d)
}

// fire puts the receipt in the outbox, from where a bind takes it.
func (d *delivery) fire() {
	d.sub.mu.Lock()
	d.sub.receipts[d.nth].Status = ReceiptQueued
	d.sub.mu.Unlock()
	if oldest, dropped := d.to.outbox.push(d); dropped {
		d.srv.counts.dropped.Add(1)
		oldest.finish(ReceiptDropped, "")
	}
}

// finish ends the delivery, and lets go the answer that waited for it.
func (d *delivery) finish(status ReceiptStatus, answer string) {
	d.note(status, answer)
	d.release()
}

func (d *delivery) release() {
	if d.before != nil {
		d.before.fire()
		d.before = nil
	}
}

// settle does what the answer to a receipt means, or that there was none.
func (b *bind) settle(ctx context.Context, d *delivery, f wire.Frame, err error) {
	switch {
	case err == nil && f.Status == wire.StatusOK && f.Command == wire.DeliverSMResp:
		d.attempts++
		b.srv.counts.receipts.Add(1)
		d.finish(ReceiptAnswered, "")
	case err == nil && !temporary(f.Status):
		d.attempts++
		b.srv.counts.failed.Add(1)
		d.finish(ReceiptFailed, f.Status.String())
	case err == nil:
		b.retry(d, f.Status.String())
	case errors.Is(err, session.ErrTimeout):
		b.retry(d, "no answer in time")
	case ctx.Err() != nil || b.sess.State() != session.Bound:
		d.to.outbox.putBack(d) // for the account's other binds, or the next one
	default: // it cannot be encoded
		b.srv.counts.failed.Add(1)
		d.finish(ReceiptFailed, err.Error())
	}
}

// temporary tells the answers after which an SMSC tries again.
func temporary(s wire.Status) bool {
	switch s {
	case wire.StatusTempAppErr, wire.StatusMsgQFul, wire.StatusThrottled, wire.StatusSysErr:
		return true
	}
	return false
}

// retry sends the receipt again later, each time twice as late.
func (b *bind) retry(d *delivery, answer string) {
	d.attempts++
	if d.attempts >= maxAttempts {
		b.srv.counts.failed.Add(1)
		d.finish(ReceiptFailed, answer)
		return
	}
	d.note(ReceiptScheduled, answer)
	d.release()
	b.srv.schedule.add(time.Now().Add(b.srv.cfg.ReceiptRetry<<(d.attempts-1)), d)
}

// pdu is the receipt as SMSCs write it (SMPP 3.4, appendix B): text, and the two TLVs that say the same.
func (d *delivery) pdu(done time.Time) *wire.Message {
	const date = "0601021504"
	sub, r := d.sub, d.receipt
	delivered := "000"
	if r.State == Delivered {
		delivered = "001"
	}
	var t strings.Builder
	t.Grow(160)
	for _, s := range [...]string{
		"id:", sub.messageID, " sub:001 dlvrd:", delivered, " submit date:", sub.at.Format(date),
		" done date:", done.Format(date), " stat:", string(r.State), " err:", r.Err, " text:", sub.excerpt,
	} {
		t.WriteString(s)
	}
	tlvs := wire.TLVs{{Tag: wire.TagReceiptedMessageID, Value: append([]byte(sub.messageID), 0)}}
	if n, ok := r.State.messageState(); ok {
		tlvs = append(tlvs, wire.TLV{Tag: wire.TagMessageState, Value: []byte{n}})
	}
	return &wire.Message{
		Source:       sub.dest,
		Dest:         sub.source,
		ESMClass:     wire.ESMClassReceipt,
		ShortMessage: []byte(t.String()),
		TLVs:         tlvs,
	}
}

// excerpt is the beginning of a text for receipts. They go out under data_coding 0, which the peer may read as GSM
// 7-bit or ASCII: what is not the same in both becomes a question mark.
func excerpt(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > excerptLen {
			break
		}
		if r < ' ' || r >= 0x7F || strings.ContainsRune("@$_`[]{}\\^~|", r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}
