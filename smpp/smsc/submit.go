package smsc

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"otpgw/smpp/session"
	"otpgw/smpp/text"
	"otpgw/smpp/wire"
)

// earlyGrace is how long an answer waits for its early receipt to be answered.
const earlyGrace = time.Second

// submit answers submit_sm and data_sm (SMPP 3.4, 4.4 and 4.7). The message is kept before it is answered, so whoever
// has the answer finds the message.
func (b *bind) submit(ctx context.Context, _ *session.Session, f wire.Frame) {
	if b.account == nil || !b.kind.transmits() {
		b.refuse(ctx, f, wire.StatusInvBindSts)
		return
	}
	m, err := wire.DecodeMessage(f)
	if err != nil {
		b.refuse(ctx, f, wire.StatusInvCmdLen)
		return
	}
	if m.Dest.Addr == "" {
		b.refuse(ctx, f, wire.StatusInvDstAdr)
		return
	}
	in := b.read(m)
	var o Outcome
	if hook := b.srv.cfg.OnSubmit; hook != nil {
		o = hook(in.info(b))
	}
	rs := o.receipts(m.RegisteredDelivery, b.srv.cfg.ReceiptDelay)
	if o.Status == wire.StatusOK && (len(rs) > 0 || o.Delay > 0) && b.srv.schedule.full() {
		o, rs = Outcome{Status: wire.StatusMsgQFul}, nil
	}
	sub := b.srv.take(b, in, o, len(rs) > 0)
	b.answer(ctx, f, o, sub, rs)
}

func (b *bind) refuse(ctx context.Context, f wire.Frame, status wire.Status) {
	b.srv.counts.refused.Add(1)
	b.respond(ctx, f, status, nil)
}

// incoming is a submitted message as read.
type incoming struct {
	at      time.Time
	pdu     *wire.Message
	part    text.Part
	problem error // what is wrong with its text; it is kept all the same
	alpha   text.Alphabet
}

func (b *bind) read(m *wire.Message) incoming {
	var tlvs []text.TLV
	if len(m.TLVs) > 0 {
		tlvs = make([]text.TLV, len(m.TLVs))
		for i, t := range m.TLVs {
			tlvs[i] = text.TLV(t)
		}
	}
	in := incoming{at: time.Now(), pdu: m, alpha: b.srv.cfg.Alphabet}
	in.part, in.problem = text.ParsePart(m.ESMClass, m.DataCoding, m.ShortMessage, tlvs)
	return in
}

// text is the text of the part alone.
func (in incoming) text() string {
	p := in.part
	p.Number, p.Total = 1, 1
	s, _ := text.Join([]text.Part{p}, in.alpha) // the best that can be read
	return s
}

func (in incoming) info(b *bind) SubmitInfo {
	return SubmitInfo{
		Time:     in.at,
		Account:  b.account.name,
		Bind:     b.kind,
		Remote:   b.remote,
		From:     in.pdu.Source.Addr,
		To:       in.pdu.Dest.Addr,
		Text:     in.text(),
		Encoding: encodingOf(in.pdu.DataCoding, in.alpha),
		Part:     in.part.Number,
		Parts:    in.part.Total,
		PDU:      in.pdu,
	}
}

// take keeps a message, or its part until the others are there, and gives it a message id.
func (s *Server) take(b *bind, in incoming, o Outcome, receipts bool) *submission {
	id := s.lastID.Add(1)
	sub := &submission{messageID: o.MessageID, source: in.pdu.Source, dest: in.pdu.Dest, at: in.at}
	if sub.messageID == "" {
		sub.messageID = strconv.FormatUint(id, 10)
	}
	if o.Status != wire.StatusOK {
		s.counts.refused.Add(1)
		if receipts {
			sub.excerpt = excerpt(in.text())
		}
		return sub
	}
	s.counts.submits.Add(1)
	r := &record{id: id, msg: Message{
		Time:       in.at,
		Account:    b.account.name,
		Bind:       b.kind,
		From:       in.pdu.Source.Addr,
		To:         in.pdu.Dest.Addr,
		Encoding:   encodingOf(in.pdu.DataCoding, in.alpha),
		Parts:      in.part.Total,
		DataCoding: in.pdu.DataCoding,
	}}
	if in.part.Total > 1 {
		if receipts {
			sub.excerpt = excerpt(in.text())
		}
		s.parts.add(r, in.part, sub)
		return sub
	}
	t, err := text.Join([]text.Part{in.part}, in.alpha)
	if in.problem == nil {
		in.problem = err
	}
	r.msg.Text, r.subs = t, []*submission{sub}
	r.problem(in.problem)
	if receipts {
		sub.excerpt = excerpt(t)
	}
	s.store.add(r)
	return sub
}

// answer is an answer that waits.
type answer struct {
	bind    *bind
	frame   wire.Frame // the request's header
	status  wire.Status
	id      string
	after   []*delivery // what to send once it is out
	started atomic.Bool
}

// fire hands the answer to its bind. When that has ended meanwhile the receipts go out all the same: the message was
// taken.
func (a *answer) fire() {
	a.bind.late.push(a)
	select {
	case <-a.bind.sess.Done():
		a.bind.drainLate()
	default:
	}
}

// send sends the answer, the first time it is called.
func (a *answer) send(ctx context.Context) {
	if !a.started.CompareAndSwap(false, true) {
		return
	}
	a.bind.respondMessage(ctx, a.frame, a.status, a.id)
	startAll(a.after)
}

func (b *bind) respondMessage(ctx context.Context, f wire.Frame, status wire.Status, id string) {
	if status != wire.StatusOK {
		b.respond(ctx, f, status, nil) // SMPP 3.4, 4.4.2: no body then
		return
	}
	b.respond(ctx, f, status, wire.MessageResp{MessageID: id})
}

func startAll(ds []*delivery) {
	for _, d := range ds {
		d.start()
	}
}

// answer does what the outcome says: the answer now, later or never, and the receipts behind or before it.
func (b *bind) answer(ctx context.Context, f wire.Frame, o Outcome, sub *submission, rs []Receipt) {
	var early, after []*delivery
	for _, r := range rs {
		d := b.srv.newDelivery(b.account, sub, r)
		if r.Early && b.account.receivers.Load() > 0 {
			early = append(early, d)
		} else {
			after = append(after, d)
		}
	}
	switch {
	case o.Drop:
		b.sess.Close(errDropped)
		fallthrough
	case o.NoAnswer:
		startAll(early)
		startAll(after)
	case o.Delay > 0 || len(early) > 0:
		f.Body = nil // not kept alive while the answer waits
		a := &answer{bind: b, frame: f, status: o.Status, id: sub.messageID, after: after}
		wait := o.Delay
		if wait <= 0 {
			wait, early[0].before = earlyGrace, a
		}
		b.srv.schedule.add(time.Now().Add(wait), a)
		startAll(early)
	default:
		b.respondMessage(ctx, f, o.Status, sub.messageID)
		startAll(after)
	}
}
