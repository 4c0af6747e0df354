package link

import (
	"context"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	incomingWorkers = 64          // receipts stored at once; each waits for NATS, not for a CPU
	incomingBacklog = 1024        // receipts that wait for a worker; above, the SMSC has to wait, by TCP's own means,
	incomingWait    = time.Second // and when none was stored for so long, it is told to try again
)

// incoming handles a deliver_sm or data_sm: it is answered only after the Sink stored it.
func (b *bind) incoming(ctx context.Context, s *session.Session, f wire.Frame) {
	status := b.store(ctx, f)
	b.link.deps.Metrics.incoming(b.link.cfg.Name, status)
	if err := s.Respond(ctx, f, status, wire.MessageResp{}); err != nil {
		b.link.log.Debug().Err(err).Msg("deliver_sm_resp not sent")
	}
}

// store gives the message to the Sink and returns what the SMSC is to be told.
func (b *bind) store(ctx context.Context, f wire.Frame) wire.Status {
	m, err := wire.DecodeMessage(f)
	if err != nil {
		b.link.log.Warn().Err(err).Str("bind", b.name).Msg("malformed deliver_sm refused")
		return statusUnreadable
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sinkTimeout)
	defer cancel()
	if err := b.link.deps.Sink.Deliver(ctx, b.link.decode(m)); err != nil {
		b.link.log.Error().Err(err).Str("bind", b.name).Msg("receipt not stored, the SMSC is asked to send it again")
		return statusNotStored
	}
	return wire.StatusOK
}

// decode makes an Incoming of a PDU. It never fails: what cannot be read is an empty text, the TLVs may say
// enough. A receipt is read as what its octets are, a message as its data_coding says.
func (l *Link) decode(m *wire.Message) Incoming {
	in := Incoming{
		Link: l.cfg.Name, Receipt: l.isReceipt(m), From: m.Source.Addr, To: m.Dest.Addr,
		TLVs: m.TLVs, Received: l.now(), Part: 1, Parts: 1,
	}
	if in.Receipt {
		in.Text = text.Sniff(content(m))
		return in
	}
	in.From = text.ReadAddress(m.Source.TON, m.Source.Addr, l.textOpt.Alphabet)
	in.To = text.ReadAddress(m.Dest.TON, m.Dest.Addr, l.textOpt.Alphabet)
	if part, err := text.ParsePart(m.ESMClass, m.DataCoding, m.ShortMessage, m.TLVs); err == nil {
		in.Reference, in.Part, in.Parts = part.Ref, part.Number, part.Total
		part.Number, part.Total = 1, 1 // one part of several is read as it stands
		in.Text, _ = text.Join([]text.Part{part}, l.textOpt.Alphabet)
	}
	return in
}

// longestHeader is more than any user data header has before the text of a receipt. Where esm_class says that
// there is one and there is none, the text's first letter would be its length.
const longestHeader = ' '

// content is the message without its user data header.
func content(m *wire.Message) []byte {
	payload := m.Payload()
	if m.ESMClass&wire.ESMClassUDHI != 0 {
		if u, rest, err := text.ParseUDH(payload); err == nil && u.Octets <= longestHeader {
			return rest
		}
	}
	return payload
}
