package server

import (
	"context"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// submit answers submit_sm and data_sm (SMPP 3.4, 4.4 and 4.7). The message is kept before it is answered, so
// whoever has the answer finds the message.
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
	in := &incoming{at: time.Now(), frame: f, Submit: behave.Submit{
		Account: b.account.name, Command: f.Command, PDU: m, Alphabet: b.srv.cfg.Alphabet,
	}}
	in.times = timesOf(m, in.at)
	in.Part, in.problem = text.ParsePart(m.ESMClass, m.DataCoding, m.ShortMessage, m.TLVs)
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
		Encoding: text.EncodingOf(in.PDU.DataCoding, in.Alphabet),
		Part:     in.Part.Number,
		Parts:    in.Part.Total,
		PDU:      in.PDU,
	}
}

// decide says what becomes of a message: the first rule that matches, else Config.OnSubmit, else its magic
// number, else a good day.
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
	a := &arrival{srv: s, record: in.record(b, id), part: in.Part, sub: sub}
	if in.Part.Total == 1 {
		a.record.subs = []*submission{sub}
	}
	if receipts {
		sub.setExcerpt(in.Text())
	}
	s.keepLater(a, in.times.wait)
	return sub
}

// record is the message as it is kept: whole, or one part of it.
func (in *incoming) record(b *bind, id uint64) *record {
	r := &record{id: id, msg: Message{
		Time:       in.at,
		Account:    in.Account,
		Bind:       b.kind,
		From:       in.From(),
		To:         in.To(),
		Encoding:   text.EncodingOf(in.PDU.DataCoding, in.Alphabet),
		Parts:      in.parts(),
		DataCoding: in.PDU.DataCoding,
		Rule:       in.rule,
	}, frames: []wire.Frame{in.frame}, sessions: []string{b.id}}
	if in.Part.Total > 1 {
		return r // the reassembler reads it
	}
	t, err := text.Join([]text.Part{in.Part}, in.Alphabet)
	if in.problem == nil {
		in.problem = err
	}
	r.msg.Text = t
	r.problem(in.problem)
	return r
}
