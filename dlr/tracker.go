package dlr

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/dlr/receipt"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/quietlog"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Reports is where the state of messages goes; otp.Service is one. It must be idempotent, and safe for many
// goroutines.
type Reports interface {
	Report(ctx context.Context, r otp.DeliveryReport) error
}

// Defaults of a Tracker.
const (
	DefaultSettle    = 1500 * time.Millisecond
	DefaultGiveUp    = time.Hour
	DefaultFirstWait = 50 * time.Millisecond
	DefaultLongWait  = 5 * time.Minute
	DefaultGone      = time.Minute
	DefaultPartsWait = 10 * time.Second
)

// Tracker follows messages from their submit_sm_resp to their receipts. Its methods may be called from many
// goroutines; the fields are set before the first call.
type Tracker struct {
	Settle    time.Duration // age at which a receipt's own response must be stored, see Query.Settled
	GiveUp    time.Duration // how long a receipt without a match is kept
	FirstWait time.Duration // from parking to the next look-up; each next wait is twice as long
	LongWait  time.Duration // the longest wait
	Gone      time.Duration // how long a record that is not there is asked for again, before it is past its retention
	PartsWait time.Duration // how long the receipts of a delivered message's other parts may take, see PartsAuto
	Now       func() time.Time
	Matched   func(Match) // is told of each receipt that found its message; nil: nobody is
	// Whole says whether a carrier has all parts of a message: only then one receipt may stand for all. Nil:
	// it has.
	Whole func(messageID string) bool

	queue   *queue.Queue
	index   *Index
	reports Reports
	log     zerolog.Logger
	metrics metrics
	habits  *partHabits
	quiet   quietlog.Lines
}

// NewTracker returns a tracker with the default times. RunParked is to be run beside it.
func NewTracker(q *queue.Queue, reports Reports, log zerolog.Logger) *Tracker {
	index := NewIndex(q.Receipts())
	index.now = q.Now
	return &Tracker{Settle: DefaultSettle, GiveUp: DefaultGiveUp, FirstWait: DefaultFirstWait, LongWait: DefaultLongWait,
		Gone: DefaultGone, PartsWait: DefaultPartsWait, Now: q.Now,
		queue: q, index: index, reports: reports, log: log, metrics: newMetrics(), habits: newPartHabits()}
}

// Accepted stores that the SMSC took a part under messageID. It is called before the message is taken off its
// queue, and returns when the id is stored. A response without an id is counted, and is no error: the part
// was sent.
func (t *Tracker) Accepted(ctx context.Context, link, messageID string, e Entry) error {
	if e.At.IsZero() {
		e.At = t.Now()
	}
	err := t.index.Put(ctx, link, messageID, e)
	if errors.Is(err, errNoID) {
		t.untracked(link, e)
		return nil
	}
	return err
}

// AddAccepted is Accepted, for parts of one message, as a part of a transaction; see Index.Add.
func (t *Tracker) AddAccepted(tx *queue.Tx, link string, ids []Given) (stored func()) {
	for i := range ids {
		if ids[i].At.IsZero() {
			ids[i].At = t.Now()
		}
	}
	added := t.index.Add(tx, t.queue.Receipts(), link, ids)
	return func() {
		added()
		for _, id := range ids {
			if trimID(id.MessageID) == "" {
				t.untracked(link, id.Entry)
			}
		}
	}
}

func (t *Tracker) untracked(link string, e Entry) {
	t.metrics.untracked.WithLabelValues(link).Inc()
	t.log.Warn().Str("link", link).Str("otp", e.OtpID).Int("part", e.Part).Msg("the SMSC accepted a part without a message id")
}

// Unanswered has the receipts recognised that come, or came, of a message that a carrier did not answer.
// heard: each of the parts has one, so it is with the carrier.
func (t *Tracker) Unanswered(ctx context.Context, try Try) (heard bool, err error) {
	return t.index.Await(ctx, try)
}

// Refused reports that nothing more is done for a part, or for a message where Part is 0: with the
// command_status that the SMSC gave (SMPP 3.4, 5.1.3); or assumed, with a code of ours, because it said
// nothing.
func (t *Tracker) Refused(ctx context.Context, link string, e Entry, status uint32, assumed bool) error {
	if e.OtpID == "" {
		return nil // a reply to a handset
	}
	code := int(status)
	err := t.reports.Report(ctx, otp.DeliveryReport{OtpID: e.OtpID, MessageID: e.MessageID, Link: link, Part: e.Part, Parts: e.Parts,
		Status: otp.DeliveryRejected, ErrorCode: &code, At: t.Now().UTC(), Assumed: assumed})
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
	Rule     IDMatch
	Text     string    // decoded; empty when there is none
	TLVs     wire.TLVs // optional parameters of the PDU
	From, To string    // source and destination address of the PDU; optional, see Index.Find
	Received time.Time // zero for now

	AnyNumber bool         // the carrier rewrites numbers, see Query
	Parts     PartReceipts // empty: PartsAuto
}

// parked is a receipt after parsing, as it waits on PARKED: what its message is looked for by, of which the
// addresses are last digits, and what it says. It holds nothing of the text.
type parked struct {
	Query
	IDHex     string       `json:"idHex,omitempty"`   // instead of ID, where that is no UTF-8
	Other     []byte       `json:"otherId,omitempty"` // OtherID, which may be any octets
	State     uint8        `json:"state"`             // a wire.MessageState, by its number
	ErrorCode *int         `json:"errorCode,omitempty"`
	Parties   []string     `json:"parties,omitempty"` // source and destination, see party
	Parts     PartReceipts `json:"parts,omitempty"`
	Received  time.Time    `json:"received"`
	Rest      *rest        `json:"rest,omitempty"` // it was folded, and may stand for the other parts as well

	adopted bool // by its message, see Index.Adopt
}

func (p *parked) state() wire.MessageState { return wire.MessageState(p.State) }

// Match is a receipt with its message.
type Match struct {
	Entry
	Link     string
	ID       string // of the receipt
	State    wire.MessageState
	Code     *int
	Received time.Time
	Adopted  bool // the part was never answered: nobody was told before that the carrier took it
}

// rest names the message whose other parts wait for receipts of their own.
type rest struct {
	OtpID     string `json:"otp"`
	MessageID string `json:"msg"`
	Parts     int    `json:"parts"`
}

// Receipt takes a receipt. It returns nil only when what the receipt says is stored; else the SMSC is to be
// told to send it again.
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
	p := parked{State: uint8(r.State), ErrorCode: r.ErrorCode, Parts: in.Parts, Received: in.Received.UTC(), Query: Query{
		Link: in.Link, Rule: in.Rule, ID: r.ID, OtherID: r.OtherID, Addresses: evidence(in.From, in.To), AnyNumber: in.AnyNumber}}
	if in.From != "" && in.To != "" {
		p.Parties = []string{party(in.From), party(in.To)}
	}
	result, err = t.fold(ctx, p, 0)
	if err == nil && result == "" && t.index.awaitPut(ctx, p.Link, p.Rule, p.ID, p.OtherID) {
		result, err = t.fold(ctx, p, 0)
	}
	if err != nil || result != "" {
		return result, err
	}
	return resultParked, t.park(ctx, p)
}

// evidence is what the addresses of a receipt say of its message's number. Its source is that number, by SMPP
// 3.4, Appendix B; where there is none, the destination may be anything.
func evidence(from, to string) (digits []string) {
	if from == "" {
		return nil
	}
	digits = make([]string, 0, 2)
	for _, a := range [...]string{from, to} {
		if d := tail(a); d != "" {
			digits = append(digits, d)
		}
	}
	return digits
}

func (t *Tracker) park(ctx context.Context, p parked) error {
	if err := t.queue.Publish(ctx, queue.Message{Subject: subjectOf(p.Link), Group: p.Link, Data: p.encode()}); err != nil {
		return fmt.Errorf("dlr: park receipt: %w", err)
	}
	return nil
}

// fold reports a receipt to its OTP; an empty result means that its message or its OTP is not known (yet).
// age is for how long the receipt has been looked up.
func (t *Tracker) fold(ctx context.Context, p parked, age time.Duration) (result string, err error) {
	p.Settled = age >= t.Settle
	m, err := t.index.find(ctx, p.Query)
	if err != nil {
		return "", err
	}
	if !m.found {
		if m.others && age == 0 {
			t.otherNumber(p.Link)
		}
		return t.adopt(ctx, p, age)
	}
	return t.report(ctx, p, m.entry(), age)
}

// adopt gives a receipt whose id should be known by now to the message that was never answered and fits it.
func (t *Tracker) adopt(ctx context.Context, p parked, age time.Duration) (result string, err error) {
	if age < t.Settle {
		return "", nil
	}
	e, ok, err := t.index.Adopt(ctx, p.Link, p.ID, p.Parties, p.Received)
	if err != nil || !ok {
		return "", err
	}
	p.adopted = true
	if result, err = t.report(ctx, p, e, age); result == resultFolded {
		result = resultAdopted
	}
	return result, err
}

// report tells the OTP. What is not there is asked for again for a while: who stored it may be ahead of what
// is read here.
func (t *Tracker) report(ctx context.Context, p parked, e Entry, age time.Duration) (result string, err error) {
	if e.OtpID == "" {
		t.matched(p, e)
		return resultReply, nil
	}
	way := t.wayOfParts(p, e)
	switch {
	case way == PartsOne && t.whole(e.MessageID):
		e.Part = 0
	case way == PartsOne:
		way = PartsAuto // the others are still on their way to the carrier
	}
	err = t.reports.Report(ctx, otp.DeliveryReport{OtpID: e.OtpID, MessageID: e.MessageID, Link: p.Link, Part: e.Part, Parts: e.Parts,
		Status: Status(p.state()), ErrorCode: p.ErrorCode, At: p.Received, Said: said(p.state())})
	if err == nil && way == PartsAuto {
		p.Rest = &rest{OtpID: e.OtpID, MessageID: e.MessageID, Parts: e.Parts}
		err = t.park(ctx, p)
	}
	switch {
	case errors.Is(err, otp.ErrNotFound) && age >= t.Gone:
		return resultGone, nil
	case errors.Is(err, otp.ErrNotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("dlr: report receipt: %w", err)
	}
	t.matched(p, e)
	return resultFolded, nil
}

// said is the carrier's word for a state, where that is not what everybody expects.
func said(s wire.MessageState) string {
	if s == wire.Delivered {
		return ""
	}
	return s.String()
}

// matched tells of a receipt: it is a step in the way of an OTP that an operator can follow by its id.
func (t *Tracker) matched(p parked, e Entry) {
	if t.Matched != nil {
		t.Matched(Match{Entry: e, Link: p.Link, ID: p.ID, State: p.state(), Code: p.ErrorCode, Received: p.Received, Adopted: p.adopted})
	}
	l := t.log.Info().Str("otp", e.OtpID).Str("msg", e.MessageID).Str("link", p.Link).Stringer("state", p.state())
	if e.Parts > 1 {
		l = l.Int("part", e.Part).Int("parts", e.Parts)
	}
	if p.ErrorCode != nil {
		l = l.Int("err", *p.ErrorCode)
	}
	if !e.At.IsZero() {
		l = l.Dur("after", max(p.Received.Sub(e.At), 0))
	}
	l.Msg("receipt")
}

// wayOfParts says how many receipts are to be expected of the message of one; PartsEach also where there is
// nothing to decide.
func (t *Tracker) wayOfParts(p parked, e Entry) PartReceipts {
	switch {
	case e.Parts < 2 || e.Part == 0 || p.state() != wire.Delivered:
		return PartsEach
	case p.Parts == PartsOne, p.Parts == PartsEach:
		return p.Parts
	}
	return t.habits.heard(p.Link, e.MessageID, e.Part, t.PartsWait)
}

// settleRest has the other parts of a message delivered as well, of which no receipt came in time, unless the
// link is known to send one for each.
func (t *Tracker) settleRest(ctx context.Context, p parked, age time.Duration) (result string, err error) {
	if p.Parts != PartsOne && t.habits.known(p.Link, t.PartsWait) == PartsEach {
		return resultLate, nil
	}
	if !t.whole(p.Rest.MessageID) {
		if age < t.GiveUp {
			return "", nil
		}
		return resultLate, nil
	}
	err = t.reports.Report(ctx, otp.DeliveryReport{OtpID: p.Rest.OtpID, MessageID: p.Rest.MessageID, Link: p.Link, Parts: p.Rest.Parts,
		Status: Status(p.state()), At: p.Received})
	if err != nil && !errors.Is(err, otp.ErrNotFound) {
		return "", fmt.Errorf("dlr: report receipt for all parts: %w", err)
	}
	return resultOne, nil
}

func (t *Tracker) whole(messageID string) bool { return t.Whole == nil || t.Whole(messageID) }

// otherNumber tells that an id is known but its message went elsewhere: an SMSC that uses ids again, or
// rewrites numbers.
func (t *Tracker) otherNumber(link string) {
	t.metrics.otherNumber.WithLabelValues(link).Inc()
	if n, ok := t.quiet.Due(link+" number", t.Now()); ok {
		t.log.Warn().Str("link", link).Int("count", n).
			Msg("receipt has the id of a message to another number and is not taken for it; if the carrier rewrites numbers, set RECEIPT_NUMBER=any")
	}
}
