package server

import (
	"context"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc/conform"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// The answers to operations that find nothing, or come too late (SMPP 3.4, 5.1.3).
const (
	statusCancelFail   wire.Status = 0x11
	statusReplaceFail  wire.Status = 0x13
	statusInvNumDests  wire.Status = 0x33
	statusInvListName  wire.Status = 0x34
	statusQueryFail    wire.Status = 0x67
	finalDateLayout                = "060102150405"
	finalDateUniversal             = "000+"
)

// operating refuses an operation on a bind that may not transmit.
func (b *bind) operating(ctx context.Context, f wire.Frame) bool {
	if b.account == nil || !b.kind.transmits() {
		b.respond(ctx, f, wire.StatusInvBindSts, nil)
		return false
	}
	return true
}

// query answers query_sm (SMPP 3.4, 4.8): ENROUTE until the time of the message's receipt, its final state
// from then on.
func (b *bind) query(ctx context.Context, _ *session.Session, f wire.Frame) {
	if !b.operating(ctx, f) {
		return
	}
	if !b.obeys(ctx, f) {
		return
	}
	q, err := wire.DecodeQuery(f)
	if err != nil {
		b.respond(ctx, f, wire.StatusInvCmdLen, nil)
		return
	}
	sub := b.srv.index.get(b.account.name, q.MessageID, q.Source)
	if sub == nil {
		b.respond(ctx, f, statusQueryFail, nil)
		return
	}
	state, at := sub.state(time.Now())
	resp := wire.QueryResp{MessageID: q.MessageID, State: wire.Unknown}
	if state != 0 {
		resp.State = state
	}
	if !at.IsZero() {
		resp.FinalDate = at.UTC().Format(finalDateLayout) + finalDateUniversal
	}
	if state.Failed() {
		resp.Error = 1
	}
	b.respond(ctx, f, wire.StatusOK, resp)
}

// cancel answers cancel_sm (SMPP 3.4, 4.9). What is cancelled has DELETED in its receipt.
func (b *bind) cancel(ctx context.Context, _ *session.Session, f wire.Frame) {
	if !b.operating(ctx, f) {
		return
	}
	if !b.obeys(ctx, f) {
		return
	}
	c, err := wire.DecodeCancel(f)
	if err != nil {
		b.respond(ctx, f, wire.StatusInvCmdLen, nil)
		return
	}
	var subs []*submission
	if c.MessageID == "" {
		subs = b.srv.index.all(b.account.name, c.ServiceType, c.Source, c.Dest)
	} else if sub := b.srv.index.get(b.account.name, c.MessageID, c.Source); sub != nil {
		if c.Dest.Addr != "" && !sameNumber(c.Dest, sub.dest) {
			b.respond(ctx, f, statusCancelFail, nil)
			return
		}
		subs = []*submission{sub}
	}
	if len(subs) == 0 {
		b.respond(ctx, f, wire.StatusInvMsgID, nil)
		return
	}
	done := false
	for _, sub := range subs {
		done = sub.cancel(time.Now()) || done
	}
	if !done {
		b.respond(ctx, f, statusCancelFail, nil)
		return
	}
	b.respond(ctx, f, wire.StatusOK, nil)
}

// replace answers replace_sm (SMPP 3.4, 4.10). The text is read in the data_coding of the message it
// replaces; a message of several parts cannot be replaced.
func (b *bind) replace(ctx context.Context, _ *session.Session, f wire.Frame) {
	if !b.operating(ctx, f) {
		return
	}
	if !b.obeys(ctx, f) {
		return
	}
	p, err := wire.DecodeReplace(f)
	if err != nil {
		b.respond(ctx, f, wire.StatusInvCmdLen, nil)
		return
	}
	sub := b.srv.index.get(b.account.name, p.MessageID, p.Source)
	if sub == nil {
		b.respond(ctx, f, wire.StatusInvMsgID, nil)
		return
	}
	if state, _ := sub.state(time.Now()); state != wire.Enroute || !b.rewrite(sub, f, p) {
		b.respond(ctx, f, statusReplaceFail, nil)
		return
	}
	b.again(sub, p)
	b.respond(ctx, f, wire.StatusOK, nil)
}

// rewrite gives a message of one part, kept or waiting for its time, the text of a replace_sm.
func (b *bind) rewrite(sub *submission, f wire.Frame, p wire.Replace) bool {
	sub.mu.Lock()
	old := sub.record.Load()
	waiting := sub.arrival
	if waiting != nil {
		old = waiting.record
	}
	sub.mu.Unlock()
	if old == nil || len(old.subs) != 1 {
		return false
	}
	body, problem := text.Decode(old.msg.DataCoding, p.ShortMessage, b.srv.cfg.Alphabet)
	r := &record{
		id: old.id, msg: old.msg, subs: old.subs, frames: append(old.frames[:1:1], f), sessions: append(old.sessions[:1:1], b.id),
	}
	r.msg.Text, r.msg.Replaced, r.msg.Problem = body, true, ""
	r.problem(problem)
	if waiting != nil {
		sub.mu.Lock()
		still := sub.arrival == waiting
		if still {
			waiting.record = r
		}
		sub.mu.Unlock()
		if !still { // its time has come meanwhile
			return false
		}
	} else {
		if !b.srv.store.replace(old, r) {
			return false
		}
		sub.record.Store(r)
		b.srv.events.message(r)
	}
	sub.setExcerpt(body)
	return true
}

// submitMulti answers submit_multi (SMPP 3.4, 4.5): one message for each destination, all with one message
// id. Rules decide for each; what they say of the answer itself (delay, none, close, ...) is taken from the
// first that says anything.
func (b *bind) submitMulti(ctx context.Context, _ *session.Session, f wire.Frame) {
	if b.account == nil || !b.kind.transmits() {
		b.refuse(ctx, f, wire.StatusInvBindSts)
		return
	}
	if !b.obeys(ctx, f) {
		return
	}
	m, err := wire.DecodeMulti(f)
	switch {
	case err != nil:
		b.refuse(ctx, f, wire.StatusInvCmdLen)
		return
	case len(m.Lists) > 0: // there are none here
		b.refuse(ctx, f, statusInvListName)
		return
	case len(m.Dests) == 0:
		b.refuse(ctx, f, statusInvNumDests)
		return
	}
	if !b.admit(ctx, f) {
		return
	}
	a, resp, early := b.spread(f, m)
	a.outcome.Status = wire.StatusOK
	if len(resp.Refused) == len(m.Dests) {
		a.outcome.Status = resp.Refused[0].Status
	}
	a.body = resp
	b.conclude(ctx, a, early)
}

// spread takes a submit_multi as one message for each destination. The outcome of the answer is that of the
// first message that says anything of it.
func (b *bind) spread(f wire.Frame, m *wire.Multi) (a *answer, resp wire.MultiResp, early []*delivery) {
	a = &answer{bind: b, frame: f}
	for _, dest := range m.Dests {
		if breach := conform.CheckDest(dest); breach != nil && !b.srv.cfg.Lenient {
			resp.Refused = append(resp.Refused, wire.Unsuccess{Dest: dest, Status: breach.Status})
			continue
		}
		one := m.Message
		one.Dest = dest
		in := b.read(f, &one)
		o, rs := b.decide(in)
		if o.MessageID == "" {
			o.MessageID = resp.MessageID
		}
		sub := b.srv.take(b, in, o, len(rs) > 0)
		if resp.MessageID == "" {
			resp.MessageID, a.id = sub.messageID, sub.messageID
		}
		e, after := b.deliveries(sub, rs)
		early, a.after = append(early, e...), append(a.after, after...)
		if o.Status != wire.StatusOK {
			resp.Refused = append(resp.Refused, wire.Unsuccess{Dest: dest, Status: o.Status})
		}
		if a.outcome.Plain() {
			a.outcome = o
		}
	}
	return a, resp, early
}
