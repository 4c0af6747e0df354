package server

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	// longestReceiptPause is the most time between two attempts of a receipt.
	longestReceiptPause = 30 * time.Second
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
	MessageID string            `json:"messageId"` // the part's
	State     wire.MessageState `json:"-"`         // none where the receipt has another word
	StateText string            `json:"state"`     // the word, whatever it is
	Time      time.Time         `json:"time"`      // of the last change of status
	Status    ReceiptStatus     `json:"status"`
	Attempts  int               `json:"attempts"`
	Answer    string            `json:"answer,omitempty"` // the last attempt's, when it was not ESME_ROK

	Err      string               `json:"err,omitempty"`
	Format   behave.ReceiptFormat `json:"format,omitempty"`
	DataSM   bool                 `json:"dataSm,omitempty"`
	Early    bool                 `json:"early,omitempty"`
	Made     time.Time            `json:"made"`              // when the message came
	Sent     time.Time            `json:"sent,omitzero"`     // the last attempt
	Answered time.Time            `json:"answered,omitzero"` // when the peer answered ESME_ROK
	Session  string               `json:"session,omitempty"` // over which it went last
	Text     string               `json:"text,omitempty"`    // as it went last; empty by TLVs only
}

// submission is what one submit_sm became: that which has a message id and receipts. It outlives its message
// in the store as long as receipts wait, so it holds only what they need.
type submission struct {
	messageID    string
	number       uint64 // that the message id is of
	account      string
	serviceType  string
	registered   byte             // registered_delivery
	plan         []behave.Receipt // what was decided of its receipts; nil: what registered says
	silent       bool             // it was decided that there are none
	source, dest wire.Address
	reference    []byte // user_message_reference, which the receipts repeat
	at           time.Time
	record       atomic.Pointer[record] // its message, once it is whole

	mu        sync.Mutex // guards the rest
	excerpt   string     // the beginning of its text, which the receipts repeat
	arrival   *arrival   // while its delivery is scheduled
	round     int        // receipts of an earlier one are not sent: replace_sm changed their time
	receipts  []ReceiptInfo
	final     wire.MessageState // what becomes of it
	finalAt   time.Time         // and when
	cancelled bool              // by cancel_sm
}

// setExcerpt sets the text that the receipts repeat the beginning of.
func (s *submission) setExcerpt(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.excerpt = excerpt(text)
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
	round    int // of sub.round
	receipt  behave.Receipt
	attempts int     // owned by whoever holds the delivery
	before   *answer // the answer that waits for this receipt, for an early one

	message *wire.Message   // for a message from a handset: what to send instead of a receipt
	settled chan<- struct{} // and who is to be told; has room
}

// newDelivery makes the receipt and enters it in its submission.
func (s *Server) newDelivery(acc *account, sub *submission, r behave.Receipt) *delivery {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.receipts = append(sub.receipts, ReceiptInfo{
		MessageID: sub.messageID, State: r.State, StateText: cmp.Or(r.StateText, r.State.String()), Time: time.Now(), Status: ReceiptScheduled, Err: r.Err, Format: r.Format,
		DataSM: r.DataSM, Early: r.Early, Made: sub.at,
	})
	return &delivery{srv: s, to: acc, sub: sub, nth: len(sub.receipts) - 1, round: sub.round, receipt: r}
}

func (d *delivery) note(status ReceiptStatus, answer string) {
	d.sub.mu.Lock()
	r := &d.sub.receipts[d.nth]
	r.Status, r.Time, r.Attempts, r.Answer = status, time.Now(), d.attempts, answer
	if status == ReceiptAnswered {
		r.Answered = r.Time
	}
	d.sub.mu.Unlock()
	d.tell()
}

// tell tells who listens that the receipt got on.
func (d *delivery) tell() { d.srv.events.receipt(d.sub, d.nth) }

// sent notes that the receipt is going out over b.
func (d *delivery) sent(b *bind, text string) {
	d.sub.mu.Lock()
	defer d.sub.mu.Unlock()
	r := &d.sub.receipts[d.nth]
	r.Sent, r.Session, r.Text = time.Now(), b.id, text
}

// command is what it goes out as over b: SMPP 3.3 has no data_sm.
func (d *delivery) command(b *bind) wire.Command {
	if d.receipt.DataSM && !b.old() {
		return wire.DataSM
	}
	return wire.DeliverSM
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
	if d.round != d.sub.round {
		d.sub.mu.Unlock()
		return
	}
	d.sub.receipts[d.nth].Status = ReceiptQueued
	d.sub.mu.Unlock()
	d.tell()
	if oldest, dropped := d.to.outbox.push(d); dropped {
		d.srv.counts.dropped.Add(1)
		oldest.finish(ReceiptDropped, "")
	}
}

// finish ends the delivery, and lets go the answer that waited for it.
func (d *delivery) finish(status ReceiptStatus, answer string) {
	d.note(status, answer)
	if d.settled != nil {
		d.settled <- struct{}{}
	}
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
	case err == nil && f.Status == wire.StatusOK && f.Command == d.command(b)|wire.ResponseBit:
		d.attempts++
		b.counts.delivered.Add(1)
		b.srv.counts.receipts.Add(1)
		if d.message == nil {
			d.to.states.add(d.state())
		}
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

// state is the state that the receipt said.
func (d *delivery) state() wire.MessageState {
	d.sub.mu.Lock()
	defer d.sub.mu.Unlock()
	return d.sub.receipts[d.nth].State
}

// retry sends the receipt again later, each time twice as late, as SMSCs do with one that was refused for now
// or not answered.
func (b *bind) retry(d *delivery, answer string) {
	d.attempts++
	if d.attempts >= b.srv.cfg.ReceiptTries {
		b.srv.counts.failed.Add(1)
		d.finish(ReceiptFailed, answer)
		return
	}
	d.note(ReceiptScheduled, answer)
	d.release()
	b.srv.schedule.add(time.Now().Add(pauseAfter(d.attempts, b.srv.cfg.ReceiptRetry)), d)
}

// pauseAfter is the time from the nth attempt of a receipt to the next.
func pauseAfter(n int, first time.Duration) time.Duration {
	return max(first, backoff.Doubled(first, n-1, longestReceiptPause))
}

// pdu is the receipt as its layout has it, or the message from a handset.
func (d *delivery) pdu(b *bind, done time.Time) session.PDU {
	if d.message != nil {
		d.sent(b, "")
		return d.message
	}
	sub, r := d.sub, d.receipt
	sub.mu.Lock()
	data := behave.ReceiptData{
		ID: r.MessageID, State: r.State, StateText: r.StateText, Err: r.Err, Submitted: sub.at, Done: done, Excerpt: sub.excerpt, Reference: sub.reference,
	}
	if sub.cancelled {
		data.State, data.StateText, data.Err = wire.Deleted, "", "001"
		sub.receipts[d.nth].State, sub.receipts[d.nth].StateText = wire.Deleted, wire.Deleted.String()
	}
	sub.mu.Unlock()
	m := &wire.Message{Source: sub.dest, Dest: sub.source, ESMClass: wire.ESMClassReceipt}
	if r.Intermediate {
		m.ESMClass = wire.ESMClassIntermediate
	}
	if b.old() { // SMPP 3.3 has no optional parameters
		r.Format, r.DataSM = r.Format.WithoutTLVs(), false
	}
	r.Format.Fill(m, data)
	if r.DataSM && len(m.ShortMessage) > 0 { // data_sm has no short_message
		m.TLVs = append(m.TLVs, wire.TLV{Tag: wire.TagMessagePayload, Value: m.ShortMessage})
		m.ShortMessage = nil
	}
	d.sent(b, r.Format.Text(data))
	return r.Format.Finish(m)
}

// excerpt is the beginning of a text for receipts. They go out under data_coding 0, which the peer may read
// as GSM 7-bit or ASCII: what is not the same in both becomes a question mark.
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
