package behave

import (
	"fmt"
	"strings"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// sampleID is the number of the message in samples, and sampleTime when it came.
const sampleID = 1234567890123456

var sampleTime = time.Date(2026, 11, 23, 10, 30, 5, 0, time.UTC)

// Sample is a receipt in the layout, for people: its text with what cannot be printed escaped, and behind it
// what else is in the PDU.
func (f ReceiptFormat) Sample() string {
	m := &wire.Message{ESMClass: wire.ESMClassReceipt}
	d := ReceiptData{
		ID: IDDecimal.Of(sampleID), State: wire.Undeliverable, Err: "027", Excerpt: "Your code is 123456",
		Submitted: sampleTime, Done: sampleTime.Add(4 * time.Second),
	}
	f.Fill(m, d)
	var notes []string
	if m.DataCoding != 0 {
		notes = append(notes, fmt.Sprintf("data_coding %d", m.DataCoding))
	}
	if m.ESMClass != wire.ESMClassReceipt {
		notes = append(notes, fmt.Sprintf("esm_class 0x%02X", m.ESMClass))
	}
	for _, t := range m.TLVs {
		name := wire.TagName(t.Tag)
		if t.Tag == wire.TagMessagePayload {
			notes = append(notes, name+" instead of short_message")
			continue
		}
		notes = append(notes, fmt.Sprintf("%s % X", name, t.Value))
	}
	if f == FormatCutTLV {
		notes = append(notes, "0x1400 that says it has 32 octets, and has 3")
	}
	text := strings.Trim(fmt.Sprintf("%+q", f.Text(d)), `"`)
	if f == FormatUDH {
		notes = append(notes, "a user data header 05 00 03 2A 01 01")
	}
	if len(notes) > 0 {
		text = strings.TrimSpace(text + " [" + strings.Join(notes, ", ") + "]")
	}
	return text
}

// Sample is the message id of a number in the format.
func (f IDFormat) Sample() string { return f.Of(sampleID) }

// Sample is an answer that is wrong so, in hexadecimal, as far as it tells: its command_length, command_id,
// command_status and sequence_number, and its body.
func (m Malformed) Sample() string {
	const shown = 64
	b := m.Apply(wire.Header{Command: wire.SubmitSMResp, Sequence: 7}, "1234")
	end := ""
	if len(b) > shown {
		b, end = b[:shown], " ..."
	}
	return fmt.Sprintf("% X", b) + end
}

// Sample says what the fault does.
func (f Fault) Sample() string {
	return map[Fault]string{
		FaultPartial:  "half the answer, 50 ms (faultFor), the other half",
		FaultBytewise: "each octet in a packet of its own",
		FaultCut:      "half the answer, then the connection is closed",
		FaultGarbage:  "64 octets that are no PDU, instead of the answer",
		FaultReset:    "a TCP reset instead of the answer",
		FaultStall:    "the answer, and then nothing more is read for 5 s (faultFor)",
	}[f]
}
