package link

import (
	"context"
	"regexp"
	"time"

	"github.com/otpgw/otpgw/smpp/session"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	incomingWorkers = 64   // receipts stored at once; each waits for NATS, not for a CPU
	incomingBacklog = 1024 // receipts that wait for a worker; above, the SMSC is told to try again
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
		return wire.StatusPermAppErr // sent again it would be no better
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sinkTimeout)
	defer cancel()
	if err := b.link.deps.Sink.Deliver(ctx, b.link.decode(m)); err != nil {
		b.link.log.Error().Err(err).Str("bind", b.name).Msg("receipt not stored, the SMSC is asked to send it again")
		return wire.StatusTempAppErr
	}
	return wire.StatusOK
}

// decode makes an Incoming of a PDU. It never fails: what cannot be read is an empty text, the TLVs may say enough.
func (l *Link) decode(m *wire.Message) Incoming {
	in := Incoming{
		Link: l.cfg.Name, Receipt: isReceipt(m), From: m.Source.Addr, To: m.Dest.Addr,
		TLVs: m.TLVs.Map(), Received: time.Now(),
	}
	in.Text = text.Sniff(content(m))
	if in.Receipt || readsLikeReceipt(in.Text) {
		return in
	}
	tlvs := make([]text.TLV, len(m.TLVs))
	for i, t := range m.TLVs {
		tlvs[i] = text.TLV(t)
	}
	in.Text = ""
	if part, err := text.ParsePart(m.ESMClass, m.DataCoding, m.ShortMessage, tlvs); err == nil {
		part.Number, part.Total = 1, 1 // one part of several is read as it stands
		in.Text, _ = text.Join([]text.Part{part}, l.textOpt.Alphabet)
	}
	return in
}

// longestHeader is more than any user data header has before the text of a receipt. Where esm_class says that there is one
// and there is none, the text's first letter would be its length.
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

// readsLikeReceipt finds receipts whose esm_class does not say so, for their text: whether it is one the Sink decides.
func readsLikeReceipt(s string) bool {
	return receiptID.MatchString(s) && receiptState.MatchString(s)
}

var (
	receiptID    = regexp.MustCompile(`(?i)id["']?\s*[:=]`)
	receiptState = regexp.MustCompile(`(?i)stat|deliv|expire|rejec|accept|unknown|enroute`)
)

// isReceipt tells receipts and intermediate notifications from messages of a handset (SMPP 3.4, 5.2.12).
func isReceipt(m *wire.Message) bool {
	switch m.ESMClass & wire.ESMClassTypeMask {
	case wire.ESMClassReceipt, wire.ESMClassIntermediate:
		return true
	}
	_, ok := m.TLVs.Get(wire.TagReceiptedMessageID)
	return ok
}
