package link

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"

	"github.com/otpgw/otpgw/smpp/wire"
)

// maskOctet stands for an octet that a trace does not show.
const maskOctet = '*'

const dataCodingUCS2 = 8 // SMPP 3.4, 5.2.19

// redact returns a copy of a PDU for the trace. Every length stays; what is replaced is the text of messages, the
// passwords of binds, and all that cannot be read for certain. Of a message's user data header the known elements
// stay, of a receipt its fields but for the text.
func redact(pdu []byte) []byte {
	b := bytes.Clone(pdu)
	if len(b) <= wire.HeaderLen {
		return b
	}
	c := &cursor{rest: b[wire.HeaderLen:]}
	switch wire.Command(binary.BigEndian.Uint32(b[4:])) {
	case wire.BindTransceiver, wire.BindTransmitter, wire.BindReceiver:
		c.text()
		mask(c.text())
		c.text()
		c.skip(3)
		c.text()
	case wire.SubmitSM, wire.DeliverSM:
		c.message()
	case wire.DataSM:
		c.data()
	case wire.BindTransceiverResp, wire.BindTransmitterResp, wire.BindReceiverResp,
		wire.SubmitSMResp, wire.DeliverSMResp, wire.DataSMResp:
		return b // ids
	case wire.AlertNotification:
		return b // numbers
	}
	mask(c.rest) // a command that we do not know, or what is behind the end of one that we do
	return b
}

func mask(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = maskOctet
	for done := 1; done < len(b); done *= 2 {
		copy(b[done:], b[:done])
	}
}

// cursor walks over a PDU's body. When a field is not there, nothing is, and rest stays as it is, to be masked.
type cursor struct {
	rest []byte
	cut  bool
}

// text takes a C-octet string and returns it without its NUL.
func (c *cursor) text() []byte {
	i := bytes.IndexByte(c.rest, 0)
	if c.cut || i < 0 {
		c.cut = true
		return nil
	}
	s := c.rest[:i]
	c.rest = c.rest[i+1:]
	return s
}

func (c *cursor) skip(n int) []byte {
	if c.cut || n > len(c.rest) {
		c.cut = true
		return nil
	}
	s := c.rest[:n]
	c.rest = c.rest[n:]
	return s
}

func (c *cursor) octet() byte {
	if s := c.skip(1); s != nil {
		return s[0]
	}
	return 0
}

func (c *cursor) addresses() {
	for range 2 {
		c.skip(2)
		c.text()
	}
}

// message reads a submit_sm or deliver_sm (SMPP 3.4, 4.4.1).
func (c *cursor) message() {
	c.text()
	c.addresses()
	esm := c.octet()
	c.skip(2)
	c.text()
	c.text()
	c.skip(2)
	coding := c.octet()
	c.skip(1)
	if text := c.skip(int(c.octet())); !c.cut {
		maskText(text, esm, coding)
		c.tlvs(esm, coding)
	}
}

// data reads a data_sm (4.7.1).
func (c *cursor) data() {
	c.text()
	c.addresses()
	esm := c.octet()
	c.skip(1)
	coding := c.octet()
	c.tlvs(esm, coding)
}

// tlvs reads the parameters up to one that is not whole.
func (c *cursor) tlvs(esm, coding byte) {
	for !c.cut && len(c.rest) >= 4 {
		n := int(binary.BigEndian.Uint16(c.rest[2:]))
		if len(c.rest) < 4+n {
			return
		}
		head := c.skip(4)
		value := c.skip(n)
		if binary.BigEndian.Uint16(head) == wire.TagMessagePayload {
			maskText(value, esm, coding)
		}
	}
}

// maskText masks a message but for what an engineer needs of it and no text can hide in.
func maskText(b []byte, esm, coding byte) {
	if esm&wire.ESMClassUDHI != 0 {
		b = b[knownHeader(b):]
	}
	kind := esm & wire.ESMClassTypeMask
	if (kind == wire.ESMClassReceipt || kind == wire.ESMClassIntermediate) && coding != dataCodingUCS2 {
		maskReceipt(b)
		return
	}
	mask(b)
}

// headerElements are the lengths of the elements of a user data header that are shown: the two forms of concatenation and
// the national language tables (3GPP TS 23.040, 9.2.3.24).
var headerElements = map[byte]int{0x00: 3, 0x08: 4, 0x24: 1, 0x25: 1}

// knownHeader is the length of the user data header that b begins with, 0 when it holds anything else.
func knownHeader(b []byte) int {
	if len(b) == 0 || int(b[0]) >= len(b) {
		return 0
	}
	end := 1 + int(b[0])
	for i := 1; i < end; {
		if i+2 > end || headerElements[b[i]] == 0 || int(b[i+1]) != headerElements[b[i]] {
			return 0
		}
		i += 2 + int(b[i+1])
	}
	return end
}

// The fields of a receipt (SMPP 3.4, appendix B). The last of them, text, may hold the message, in some receipts with spaces
// or other fields inside, so nothing behind its name is shown.
var (
	receiptField = regexp.MustCompile(`(?i)\b(id|sub|dlvrd|submit date|done date|stat|err):[0-9a-z_.-]*`)
	receiptTail  = regexp.MustCompile(`(?i)text`)
)

func maskReceipt(b []byte) {
	end := len(b)
	if at := receiptTail.FindIndex(b); at != nil {
		end = at[0]
		mask(b[at[1]:])
	}
	shown := receiptField.FindAllIndex(b[:end], -1)
	shown = slices.Insert(shown, 0, []int{0, 0})
	for i, s := range shown {
		next := end
		if i+1 < len(shown) {
			next = shown[i+1][0]
		}
		for j := s[1]; j < next; j++ {
			if b[j] != ' ' {
				b[j] = maskOctet
			}
		}
	}
}
