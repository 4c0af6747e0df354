package link

import (
	"regexp"

	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Receipts says what a link takes for a delivery receipt. Here, and nowhere else, it is decided whether a
// deliver_sm or data_sm is one.
type Receipts string

// The choices of OTPGW_LINK_<NAME>_RECEIPTS. The zero value is ReceiptsMarked.
const (
	ReceiptsMarked Receipts = "marked" // what esm_class or a receipt's TLV says is one: no handset can write those
	ReceiptsText   Receipts = "text"   // also what reads like one, for a carrier that marks none
)

// isReceipt tells receipts and intermediate notifications from messages of a handset (SMPP 3.4, 5.2.12).
func (l *Link) isReceipt(m *wire.Message) bool {
	switch m.ESMClass & wire.ESMClassTypeMask {
	case wire.ESMClassReceipt, wire.ESMClassIntermediate:
		return true
	}
	for _, tag := range []uint16{wire.TagReceiptedMessageID, wire.TagMessageState} {
		if _, ok := m.TLVs.Get(tag); ok {
			return true
		}
	}
	if !readsLikeReceipt(text.Sniff(content(m))) {
		return false
	}
	if l.cfg.Receipts != ReceiptsText {
		l.unmarked.Do(func() {
			l.log.Warn().Msg("a message that reads like a delivery receipt is not marked as one, and is taken for a handset's; " +
				"if the carrier marks none, set RECEIPTS=text")
		})
		return false
	}
	return true
}

// readsLikeReceipt: the text has an id, a state and one more of the fields of SMPP 3.4, Appendix B.
func readsLikeReceipt(s string) bool {
	return receiptID.MatchString(s) && receiptState.MatchString(s) && receiptOther.MatchString(s)
}

var (
	receiptID    = regexp.MustCompile(`(?i)\bid["']?\s*[:=]`)
	receiptState = regexp.MustCompile(`(?i)stat|deliv|expire|rejec|accept|unknown|enroute`)
	receiptOther = regexp.MustCompile(`(?i)\b(sub|dlvrd|submit.?date|done.?date|err)["']?\s*[:=]`)
)
