package dlr

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/dlr/receipt"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// Reports is where the state of messages goes; otp.Service is one. It must be idempotent, and safe for many goroutines.
type Reports interface {
	Report(ctx context.Context, r otp.DeliveryReport) error
}

// Defaults of a Tracker.
const (
	DefaultSettle    = 1500 * time.Millisecond
	DefaultGiveUp    = time.Hour
	DefaultFirstWait = 50 * time.Millisecond
	DefaultLongWait  = 5 * time.Minute
)

// Tracker follows messages from their submit_sm_resp to their receipts. Its methods may be called from many goroutines; the
// fields are set before the first call.
type Tracker struct {
	Settle    time.Duration // age at which a receipt's own response must be stored, see Query.Settled
	GiveUp    time.Duration // how long a receipt without a match is kept
	FirstWait time.Duration // from parking to the next look-up; each next wait is twice as long
	LongWait  time.Duration // the longest wait
	Now       func() time.Time

	queue   *queue.Queue
	index   *Index
	reports Reports
	log     zerolog.Logger
	metrics metrics
}

// NewTracker returns a tracker with the default times. RunParked is to be run beside it.
func NewTracker(q *queue.Queue, reports Reports, log zerolog.Logger) *Tracker {
	return &Tracker{Settle: DefaultSettle, GiveUp: DefaultGiveUp, FirstWait: DefaultFirstWait, LongWait: DefaultLongWait,
		Now: time.Now, queue: q, index: NewIndex(q.Receipts()), reports: reports, log: log, metrics: newMetrics()}
}

// Accepted stores that the SMSC took a part under messageID. It is called before the message is taken off its queue, and
// returns when the id is stored. A response without an id is counted, and is no error: the part was sent.
func (t *Tracker) Accepted(ctx context.Context, link, messageID string, e Entry) error {
	err := t.index.Put(ctx, link, messageID, e)
	if errors.Is(err, errNoID) {
		t.metrics.untracked.WithLabelValues(link).Inc()
		t.log.Warn().Str("link", link).Str("otp", e.OtpID).Int("part", e.Part).Msg("the SMSC accepted a part without a message id")
		return nil
	}
	return err
}

// Refused reports that the SMSC refused a part for good, with the command_status it gave (SMPP 3.4, 5.1.3).
func (t *Tracker) Refused(ctx context.Context, link string, e Entry, status uint32) error {
	code := int(status)
	err := t.reports.Report(ctx, otp.DeliveryReport{OtpID: e.OtpID, MessageID: e.MessageID, Link: link, Part: e.Part, Parts: e.Parts,
		Status: otp.DeliveryRejected, ErrorCode: &code, At: t.Now().UTC()})
	if errors.Is(err, otp.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dlr: report refusal over link %s: %w", link, err)
	}
	return nil
}

// Incoming is a receipt as a link got it.
type Incoming struct {
	Link     string
	Rule     Rule
	Text     string            // decoded; empty when there is none
	TLVs     map[uint16][]byte // optional parameters of the PDU, by tag
	From, To string            // source and destination address of the PDU; optional, see Index.Find
	Received time.Time         // zero for now
}

// parked is a receipt after parsing, as it waits on PARKED. It holds nothing of the text.
type parked struct {
	Link      string        `json:"link"`
	Rule      Rule          `json:"rule"`
	ID        string        `json:"id"`
	IDHex     string        `json:"idHex,omitempty"` // instead of ID, where that is no UTF-8
	State     receipt.State `json:"state"`
	ErrorCode *int          `json:"errorCode,omitempty"`
	Addresses []string      `json:"addresses,omitempty"` // last digits
	Received  time.Time     `json:"received"`
}

// Receipt takes a receipt. It returns nil only when what the receipt says is stored; else the SMSC is to be told to
// send it again.
func (t *Tracker) Receipt(ctx context.Context, in Incoming) error {
	if in.Received.IsZero() {
		in.Received = t.Now()
	}
	result, err := t.receive(ctx, in)
	if err != nil {
		result = resultError
	}
	t.count(in.Link, result)
	return err
}

func (t *Tracker) receive(ctx context.Context, in Incoming) (result string, err error) {
	r, ok := receipt.Parse(in.Text, in.TLVs)
	if !ok {
		return resultUnparsable, t.refuse(ctx, in)
	}
	p := parked{Link: in.Link, Rule: in.Rule, ID: r.ID, State: r.State, ErrorCode: r.ErrorCode, Received: in.Received.UTC()}
	for _, a := range []string{in.From, in.To} {
		if digits := tail(a); digits != "" {
			p.Addresses = append(p.Addresses, digits)
		}
	}
	if result, err = t.fold(ctx, p); err != nil || result != "" {
		return result, err
	}
	if err := t.queue.Publish(ctx, queue.Message{Subject: subjectOf(in.Link), Data: p.encode()}); err != nil {
		return "", fmt.Errorf("dlr: park receipt: %w", err)
	}
	return resultParked, nil
}

// fold reports a receipt to its OTP; an empty result means that its message is not known (yet).
func (t *Tracker) fold(ctx context.Context, p parked) (result string, err error) {
	q := Query{Link: p.Link, Rule: p.Rule, ID: p.ID, Addresses: p.Addresses, Settled: t.Now().Sub(p.Received) >= t.Settle}
	e, ok, err := t.index.Find(ctx, q)
	if err != nil || !ok {
		return "", err
	}
	err = t.reports.Report(ctx, otp.DeliveryReport{OtpID: e.OtpID, MessageID: e.MessageID, Link: p.Link, Part: e.Part, Parts: e.Parts,
		Status: Status(p.State), ErrorCode: p.ErrorCode, At: p.Received})
	switch {
	case errors.Is(err, otp.ErrNotFound):
		return resultGone, nil
	case err != nil:
		return "", fmt.Errorf("dlr: report receipt: %w", err)
	}
	return resultFolded, nil
}

// unparsable is what is kept of a receipt that could not be read.
type unparsable struct {
	Link     string            `json:"link"`
	Keys     string            `json:"keys"` // of the text, redacted
	TLVs     map[string]string `json:"tlvs,omitempty"`
	Received time.Time         `json:"received"`
}

// maxKeptTLV bounds the octets kept of one TLV.
const maxKeptTLV = 80

// refuse dead-letters a receipt that has no id or no state. Of the TLVs it keeps only those of a receipt: another,
// message_payload for one, may hold the text.
func (t *Tracker) refuse(ctx context.Context, in Incoming) error {
	u := unparsable{Link: in.Link, Keys: receipt.Redact(in.Text), TLVs: make(map[string]string), Received: in.Received.UTC()}
	for _, tag := range []uint16{receipt.TagReceiptedMessageID, receipt.TagNetworkErrorCode, receipt.TagMessageState} {
		if v, ok := in.TLVs[tag]; ok {
			u.TLVs[fmt.Sprintf("%04X", tag)] = hex.EncodeToString(v[:min(len(v), maxKeptTLV)])
		}
	}
	data, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("dlr: unparsable receipt: %w", err)
	}
	t.log.Warn().Str("link", in.Link).Str("keys", u.Keys).Msg("receipt without a message id or a state, dead-lettered")
	return t.queue.DeadLetter(ctx, queue.DeadLetter{Kind: deadKind, Reason: "unparsable", Subject: subjectOf(in.Link), Data: data})
}
