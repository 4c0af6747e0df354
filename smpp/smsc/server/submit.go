package server

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/otpgw/otpgw/smpp/session"
	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// earlyGrace is how long an answer waits for its early receipt to be answered.
const earlyGrace = time.Second

// closeGrace is how long a connection that is closed behind an answer is left to the peer, so that the answer arrives.
const closeGrace = 100 * time.Millisecond

// submit answers submit_sm and data_sm (SMPP 3.4, 4.4 and 4.7). The message is kept before it is answered, so whoever
// has the answer finds the message.
func (b *bind) submit(ctx context.Context, _ *session.Session, f wire.Frame) {
	if b.account == nil || !b.kind.transmits() {
		b.refuse(ctx, f, wire.StatusInvBindSts)
		return
	}
	if !b.obeys(ctx, f) {
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
	if !b.admit(ctx, f) {
		return
	}
	in := b.read(f, m)
	o, rs := b.decide(in)
	sub := b.srv.take(b, in, o, len(rs) > 0)
	b.answer(ctx, f, o, sub, rs)
}

func (b *bind) refuse(ctx context.Context, f wire.Frame, status wire.Status) {
	b.srv.counts.refused.Add(1)
	b.counts.refused.Add(1)
	b.respond(ctx, f, status, nil)
}

// admit refuses what is above a limit of the account.
func (b *bind) admit(ctx context.Context, f wire.Frame) bool {
	o, ok := b.over()
	switch {
	case ok:
		return true
	case o.NoAnswer:
		b.srv.counts.refused.Add(1)
		b.counts.refused.Add(1)
	default:
		b.refuse(ctx, f, o.Status)
	}
	return false
}

// incoming is a submitted message as read.
type incoming struct {
	behave.Submit
	at      time.Time
	frame   wire.Frame
	times   times
	problem error  // what is wrong with its text; it is kept all the same
	rule    string // what decided
}

func (b *bind) read(f wire.Frame, m *wire.Message) *incoming {
	var tlvs []text.TLV
	if len(m.TLVs) > 0 {
		tlvs = make([]text.TLV, len(m.TLVs))
		for i, t := range m.TLVs {
			tlvs[i] = text.TLV(t)
		}
	}
	in := &incoming{at: time.Now(), frame: f, Submit: behave.Submit{
		Account: b.account.name, Command: f.Command, PDU: m, Alphabet: b.srv.cfg.Alphabet,
	}}
	in.times = timesOf(m, in.at)
	in.Part, in.problem = text.ParsePart(m.ESMClass, m.DataCoding, m.ShortMessage, tlvs)
	return in
}

func (in *incoming) info(b *bind) SubmitInfo {
	return SubmitInfo{
		Time:     in.at,
		Account:  b.account.name,
		Bind:     b.kind,
		Remote:   b.remote,
		From:     in.From(),
		To:       in.To(),
		Text:     in.Text(),
		Encoding: encodingOf(in.PDU.DataCoding, in.Alphabet),
		Part:     in.Part.Number,
		Parts:    in.Part.Total,
		PDU:      in.PDU,
	}
}

// decide says what becomes of a message: the first rule that matches, else Config.OnSubmit, else its magic number, else
// a good day.
func (b *bind) decide(in *incoming) (behave.Outcome, []behave.Receipt) {
	o := b.choose(in)
	rs := in.times.receipts(o, in.PDU.RegisteredDelivery, b.srv.cfg.ReceiptDelay)
	b.latency(&o)
	if o.Status == wire.StatusOK && (len(rs) > 0 || o.Delay > 0 || in.times.wait > 0) && b.srv.schedule.full() {
		return behave.Outcome{Status: wire.StatusMsgQFul}, nil
	}
	return o, rs
}

func (b *bind) choose(in *incoming) behave.Outcome {
	d := &b.account.dice
	d.mu.Lock()
	rule, ok := b.srv.rules.Decide(&in.Submit, d.gen)
	if !ok && b.srv.cfg.OnSubmit == nil {
		rule, ok = b.srv.magic.Decide(&in.Submit, d.gen)
	}
	if ok {
		defer d.mu.Unlock()
		in.rule = rule.ID
		return rule.Outcome(in.PDU.RegisteredDelivery, b.srv.cfg.ReceiptDelay, d.gen)
	}
	d.mu.Unlock()
	if hook := b.srv.cfg.OnSubmit; hook != nil {
		return hook(in.info(b))
	}
	return behave.Outcome{}
}

// take keeps a message, or its part until the others are there, and gives it a message id.
func (s *Server) take(b *bind, in *incoming, o behave.Outcome, receipts bool) *submission {
	id := s.lastID.Add(1)
	sub := &submission{
		messageID: o.MessageID, number: id, account: in.Account, serviceType: in.PDU.ServiceType,
		registered: in.PDU.RegisteredDelivery, plan: o.Receipts, silent: o.NoReceipt,
		source: in.PDU.Source, dest: in.PDU.Dest, at: in.at,
	}
	sub.reference, _ = in.PDU.TLVs.Get(wire.TagUserMessageReference)
	sub.final, sub.finalAt = in.times.end(in.at, s.cfg.ReceiptDelay)
	if sub.messageID == "" {
		format := o.IDFormat
		if format == "" {
			format = s.cfg.IDFormat
		}
		sub.messageID = format.Of(id)
	}
	if o.Status != wire.StatusOK || o.Nack {
		s.counts.refused.Add(1)
		b.counts.refused.Add(1)
		if receipts {
			sub.setExcerpt(in.Text())
		}
		return sub
	}
	s.counts.submits.Add(1)
	b.counts.submits.Add(1)
	if in.PDU.ReplaceIfPresent == 1 {
		s.index.replaceFor(sub)
	}
	s.index.add(sub)
	r := &record{id: id, msg: Message{
		Time:       in.at,
		Account:    in.Account,
		Bind:       b.kind,
		From:       in.From(),
		To:         in.To(),
		Encoding:   encodingOf(in.PDU.DataCoding, in.Alphabet),
		Parts:      in.parts(),
		DataCoding: in.PDU.DataCoding,
		Rule:       in.rule,
	}, frames: []wire.Frame{in.frame}, sessions: []string{b.id}}
	if in.Part.Total > 1 {
		if receipts {
			sub.setExcerpt(in.Text())
		}
		s.keepLater(&arrival{srv: s, record: r, part: in.Part, sub: sub}, in.times.wait)
		return sub
	}
	t, err := text.Join([]text.Part{in.Part}, in.Alphabet)
	if in.problem == nil {
		in.problem = err
	}
	r.msg.Text, r.subs = t, []*submission{sub}
	r.problem(in.problem)
	if receipts {
		sub.setExcerpt(t)
	}
	s.keepLater(&arrival{srv: s, record: r, part: in.Part, sub: sub}, in.times.wait)
	return sub
}

// answer is an answer that waits.
type answer struct {
	bind    *bind
	frame   wire.Frame // the request's header
	outcome behave.Outcome
	id      string
	body    session.PDU // of the answer, when it is not a MessageResp of id
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
	a.bind.open.Add(-1)
	a.write(ctx)
	startAll(a.after)
}

// write puts the answer on the wire as the outcome says.
func (a *answer) write(ctx context.Context) {
	b, o, f := a.bind, &a.outcome, a.frame
	h := wire.Header{Command: f.Command | wire.ResponseBit, Status: o.Status, Sequence: f.Sequence}
	var pdu session.PDU = wire.MessageResp{MessageID: a.id}
	switch {
	case a.body != nil && (o.Status == wire.StatusOK || b.srv.cfg.ErrorBodies != ErrorBodiesNone):
		pdu = a.body
	case o.Status != wire.StatusOK:
		pdu = b.srv.cfg.ErrorBodies.body(f, "")
	}
	if o.Nack {
		h.Command, pdu = wire.GenericNack, wire.RawBody(nil)
		if o.Status == wire.StatusOK {
			h.Status = wire.StatusSysErr
		}
	}
	b.count(f.Command, h.Status)
	octets, err := pdu.Encode(h)
	if o.Malformed != "" {
		octets, err = o.Malformed.Apply(h, a.id), nil
	}
	switch {
	case err != nil:
	case o.Fault == behave.FaultStall:
		b.stall(o.FaultFor)
		err = b.sess.SendRaw(ctx, octets)
	case o.Fault != "":
		err = b.sess.SendVia(ctx, octets, b.faulty(o.Fault, o.FaultFor))
	case o.CloseAfter:
		err = b.sess.SendVia(ctx, octets, b.writeAndClose)
	default:
		err = b.sess.SendRaw(ctx, octets)
	}
	if err != nil {
		b.log.Debug().Str("reason", err.Error()).Stringer("command", f.Command).Msg("not answered")
	}
}

// writeAndClose writes the last PDU of a connection, and leaves the peer the time to read it.
func (b *bind) writeAndClose(conn net.Conn, pdu []byte) error {
	if _, err := conn.Write(pdu); err != nil {
		return err
	}
	b.conn.halfClose()
	select {
	case <-time.After(closeGrace):
	case <-b.conn.ctx.Done():
	}
	return errDropped
}

func startAll(ds []*delivery) {
	for _, d := range ds {
		d.start()
	}
}

// answer does what the outcome says: the answer now, later or never, and the receipts behind or before it.
func (b *bind) answer(ctx context.Context, f wire.Frame, o behave.Outcome, sub *submission, rs []behave.Receipt) {
	early, after := b.deliveries(sub, rs)
	b.conclude(ctx, &answer{bind: b, frame: f, outcome: o, id: sub.messageID, after: after}, early)
}

// deliveries makes the receipts of a message: those to send before its answer, and those behind it.
func (b *bind) deliveries(sub *submission, rs []behave.Receipt) (early, after []*delivery) {
	for i, r := range rs {
		r = b.srv.complete(r, sub)
		if !r.Intermediate && (i == len(rs)-1 || r.State != behave.Enroute && r.State != behave.Accepted) {
			sub.settle(r.State, sub.at.Add(r.Delay))
		}
		d := b.srv.newDelivery(b.account, sub, r)
		if r.Early && b.account.receivers.Load() > 0 {
			early = append(early, d)
		} else {
			after = append(after, d)
		}
	}
	return early, after
}

// complete fills in the message id and the layout of a receipt.
func (s *Server) complete(r behave.Receipt, sub *submission) behave.Receipt {
	if r.Format == "" {
		r.Format = s.cfg.ReceiptFormat
	}
	if r.MessageID == "" {
		format := r.IDFormat
		if format == "" {
			format = s.cfg.ReceiptIDFormat
		}
		if r.MessageID = sub.messageID; format != "" {
			r.MessageID = format.Of(sub.number)
		}
	}
	return r
}

// conclude sends an answer when its time has come, and the receipts before it.
func (b *bind) conclude(ctx context.Context, a *answer, early []*delivery) {
	o := &a.outcome
	switch {
	case o.Drop:
		b.sess.Close(errDropped)
		fallthrough
	case o.NoAnswer:
		startAll(early)
		startAll(a.after)
	case o.Delay > 0 || len(early) > 0:
		a.frame.Body = nil // not kept alive while the answer waits
		b.open.Add(1)
		wait := o.Delay
		if wait <= 0 {
			wait, early[0].before = earlyGrace, a
		}
		b.srv.schedule.add(time.Now().Add(wait), a)
		startAll(early)
	default:
		a.write(ctx)
		startAll(a.after)
	}
}
