package server

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/wire"
)

// earlyGrace is how long an answer waits for its early receipt to be answered.
const earlyGrace = time.Second

// closeGrace is how long a connection that is closed behind an answer is left to the peer, so that the answer
// arrives.
const closeGrace = 100 * time.Millisecond

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

// fire hands the answer to its bind. When that has ended meanwhile the receipts go out all the same: the
// message was taken.
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
		if !r.Intermediate && (i == len(rs)-1 || r.State != wire.Enroute && r.State != wire.Accepted) {
			sub.settle(r.Final(), sub.at.Add(r.Delay))
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
