package server

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Segment is one PDU of a message.
type Segment struct {
	MessageID string  `json:"messageId,omitempty"`
	Session   string  `json:"session,omitempty"` // over which it came
	Command   string  `json:"command"`
	Sequence  uint32  `json:"sequence,omitempty"`
	Part      int     `json:"part"` // from 1
	Parts     int     `json:"parts"`
	Text      string  `json:"text"`          // of this part alone
	UDH       *Header `json:"udh,omitempty"` // in front of its text
	SAR       *SAR    `json:"sar,omitempty"` // in its TLVs
	Fields    []Field `json:"fields"`
	Raw       []byte  `json:"raw"`               // all octets, header included
	Missing   bool    `json:"missing,omitempty"` // it never came
}

// Header is a user data header (3GPP TS 23.040, 9.2.3.24).
type Header struct {
	Hex      string    `json:"hex"`
	Elements []Element `json:"elements"`
}

// Element is an information element of a user data header.
type Element struct {
	ID      byte   `json:"id"`
	Data    string `json:"data"` // in hexadecimal
	Meaning string `json:"meaning,omitempty"`
}

// SAR is the place of a part as its TLVs say it (SMPP 3.4, 5.3.2.22 to 5.3.2.24).
type SAR struct {
	Ref   uint16 `json:"ref"`
	Part  int    `json:"part"`
	Parts int    `json:"parts"`
}

// segments decodes the PDUs of a message.
func (r *record) segments(alphabet text.Alphabet) []Segment {
	out := make([]Segment, len(r.frames))
	for i, f := range r.frames {
		s := &out[i]
		part := min(i, len(r.subs)-1) // behind the parts there is a replace_sm, of the one part
		s.Part, s.Parts = part+1, len(r.subs)
		if sub := r.subs[part]; sub != nil {
			s.MessageID = sub.messageID
		}
		if i < len(r.sessions) {
			s.Session = r.sessions[i]
		}
		if f.Command == 0 {
			s.Missing, s.Fields = true, []Field{}
			continue
		}
		s.Raw = f.Bytes()
		s.Command, s.Sequence, s.Fields = f.Command.String(), f.Sequence, dissect(s.Raw, alphabet)
		s.content(f, r.msg.DataCoding, alphabet)
	}
	return out
}

// content reads what the segment carries.
func (s *Segment) content(f wire.Frame, coding byte, alphabet text.Alphabet) {
	var m *wire.Message
	var err error
	switch f.Command {
	case wire.SubmitMulti:
		var multi *wire.Multi
		if multi, err = wire.DecodeMulti(f); err == nil {
			m = &multi.Message
		}
	case wire.ReplaceSM:
		var p wire.Replace
		p, err = wire.DecodeReplace(f)
		m = &wire.Message{DataCoding: coding, ShortMessage: p.ShortMessage}
	default:
		m, err = wire.DecodeMessage(f)
	}
	if err != nil {
		return
	}
	part, _ := text.ParsePart(m.ESMClass, m.DataCoding, m.ShortMessage, m.TLVs)
	part.Number, part.Total = 1, 1
	s.Text, _ = text.Join([]text.Part{part}, alphabet)
	if m.ESMClass&wire.ESMClassUDHI != 0 {
		s.UDH = readHeader(m.Payload())
	}
	s.SAR = readSAR(m.TLVs)
}

// readHeader reads a user data header as far as it goes; nil when there is none.
func readHeader(b []byte) *Header {
	if len(b) == 0 {
		return nil
	}
	n := min(int(b[0])+1, len(b))
	h := &Header{Hex: hex.EncodeToString(b[:n]), Elements: []Element{}}
	for b = b[1:n]; len(b) >= 2; {
		end := min(2+int(b[1]), len(b))
		e := Element{ID: b[0], Data: hex.EncodeToString(b[2:end])}
		e.Meaning = elementMeaning(b[0], b[2:end])
		h.Elements = append(h.Elements, e)
		b = b[end:]
	}
	return h
}

func elementMeaning(id byte, d []byte) string {
	switch {
	case id == 0x00 && len(d) == 3:
		return fmt.Sprintf("part %d of %d, reference %d", d[2], d[1], d[0])
	case id == 0x08 && len(d) == 4:
		return fmt.Sprintf("part %d of %d, reference %d", d[3], d[2], binary.BigEndian.Uint16(d))
	case id == 0x04 && len(d) == 2:
		return fmt.Sprintf("ports: to %d, from %d", d[0], d[1])
	case id == 0x05 && len(d) == 4:
		return fmt.Sprintf("ports: to %d, from %d", binary.BigEndian.Uint16(d), binary.BigEndian.Uint16(d[2:]))
	case id == 0x24 && len(d) == 1:
		return fmt.Sprintf("national language single shift %d", d[0])
	case id == 0x25 && len(d) == 1:
		return fmt.Sprintf("national language locking shift %d", d[0])
	}
	return ""
}

func readSAR(t wire.TLVs) *SAR {
	ref, ok := t.Get(wire.TagSarMsgRefNum)
	total, _ := t.Get(wire.TagSarTotalSegments)
	nth, _ := t.Get(wire.TagSarSegmentSeqnum)
	if !ok || len(ref) != 2 || len(total) != 1 || len(nth) != 1 {
		return nil
	}
	return &SAR{Ref: binary.BigEndian.Uint16(ref), Part: int(nth[0]), Parts: int(total[0])}
}
