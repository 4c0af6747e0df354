package wire_test

import (
	"bufio"
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/fiorix/go-smpp/smpp/pdu"

	"github.com/otpgw/otpgw/smpp/wire"
)

// checkAgainstGoSMPP holds our codec and go-smpp's to the same result for one body of a submit_sm or
// deliver_sm.
func checkAgainstGoSMPP(t *testing.T, f wire.Frame) {
	t.Helper()
	got, err := wire.DecodeMessage(f)
	want, wantErr := wire.OracleDecode(f)
	if (err != nil) != (wantErr != nil) || errors.Is(err, wire.ErrMalformed) != errors.Is(wantErr, wire.ErrMalformed) {
		t.Fatalf("%X: we say %v, go-smpp %v", f.Body, err, wantErr)
	}
	byLayout, layoutErr := wire.LayoutDecode(f)
	if errors.Is(err, wire.ErrMalformed) != errors.Is(layoutErr, wire.ErrMalformed) {
		t.Fatalf("%X: we say %v, the layout %v", f.Body, err, layoutErr)
	}
	if err != nil {
		return
	}
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(got, byLayout) {
		t.Fatalf("%X:\nwe      %+v\ngo-smpp %+v\nlayout  %+v", f.Body, got, want, byLayout)
	}
	checkEncodeAgainstGoSMPP(t, got, f.Header)
}

func checkEncodeAgainstGoSMPP(t *testing.T, m *wire.Message, h wire.Header) {
	t.Helper()
	b, err := m.Encode(h)
	want, wantErr := wire.OracleEncode(m, h)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%+v: we say %v, go-smpp %v", m, err, wantErr)
	}
	if !bytes.Equal(b, want) {
		t.Fatalf("%+v:\nwe      %X\ngo-smpp %X", m, b, want)
	}
	byLayout, layoutErr := wire.LayoutEncode(m, h)
	if (err != nil) != (layoutErr != nil) || !bytes.Equal(b, byLayout) {
		t.Fatalf("%+v:\nwe     %X, %v\nlayout %X, %v", m, b, err, byLayout, layoutErr)
	}
}

func TestVectorsAgainstGoSMPP(t *testing.T) {
	compared := 0
	for name, b := range vectors(t) {
		f := read(t, b)
		if f.Command != wire.SubmitSM && f.Command != wire.DeliverSM {
			continue
		}
		compared++
		t.Run(name, func(t *testing.T) {
			checkAgainstGoSMPP(t, f)
			for n := range f.Body { // and cut short at every octet
				checkAgainstGoSMPP(t, wire.Frame{Header: f.Header, Body: f.Body[:n:n]})
			}
			m, err := wire.DecodeMessage(f)
			if err != nil {
				if !strings.HasPrefix(name, "deliver_sm_sm_length") && name != "deliver_sm_ends_early" {
					t.Errorf("not read: %v", err)
				}
				return
			}
			again, err := m.Encode(f.Header)
			if sloppy := name == "deliver_sm_cut_tlv" || name == "deliver_sm_stray_nul"; err != nil || !sloppy && !bytes.Equal(again, b) {
				t.Errorf("encodes to %X, %v", again, err)
			}
		})
	}
	if compared < 12 {
		t.Errorf("only %d vectors are a submit_sm or deliver_sm", compared)
	}
}

// TestSmallPDUsAgainstGoSMPP writes the other hot PDUs with go-smpp's own types.
func TestSmallPDUsAgainstGoSMPP(t *testing.T) {
	encoded := func(p pdu.Body) []byte {
		var b bytes.Buffer
		if err := p.SerializeTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	deliverResp := pdu.NewDeliverSMRespSeq(7)
	if err := deliverResp.Fields().Set("message_id", ""); err != nil {
		t.Fatal(err)
	}
	submitResp := pdu.NewSubmitSMResp()
	if err := submitResp.Fields().Set("message_id", "1A2B"); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		p    interface {
			Encode(wire.Header) ([]byte, error)
		}
		cmd    wire.Command
		theirs pdu.Body
	}{
		{"deliver_sm_resp", wire.MessageResp{}, wire.DeliverSMResp, deliverResp},
		{"submit_sm_resp", wire.MessageResp{MessageID: "1A2B"}, wire.SubmitSMResp, submitResp},
		{"enquire_link", wire.RawBody(nil), wire.EnquireLink, pdu.NewEnquireLink()},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.p.Encode(wire.Header{Command: c.cmd, Sequence: c.theirs.Header().Seq})
			if want := encoded(c.theirs); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%X, %v, go-smpp says %X", got, err, want)
			}
		})
	}
}

// TestReadFrameBuffered: the way over a bufio.Reader reads the same as any other reader.
func TestReadFrameBuffered(t *testing.T) {
	var stream []byte
	for _, b := range vectors(t) {
		stream = append(stream, b...)
	}
	for n := range len(stream) { // cut everywhere
		plain, buffered := bytes.NewReader(stream[:n]), bufio.NewReaderSize(bytes.NewReader(stream[:n]), 64)
		for {
			want, wantErr := wire.ReadFrame(plain)
			got, err := wire.ReadFrame(buffered)
			if !errors.Is(err, wantErr) || !reflect.DeepEqual(got, want) {
				t.Fatalf("at %d: %+v, %v, want %+v, %v", n, got, err, want, wantErr)
			}
			if err != nil {
				break
			}
		}
	}
	if _, err := wire.ReadFrame(bufio.NewReader(strings.NewReader("\x00\x00\x00\x0f456789abcdef"))); !errors.Is(err, wire.ErrFrameLength) {
		t.Errorf("length below a header: %v", err)
	}
}

// TestAllocations bounds what the hot PDUs cost. By go-smpp's fields it is 42 to encode a submit_sm and 34 to
// decode one.
func TestAllocations(t *testing.T) {
	submit := read(t, vectors(t)["submit_sm_alphanumeric"])
	receipt := read(t, vectors(t)["deliver_sm_receipt_tlvs"])
	m, err := wire.DecodeMessage(submit)
	if err != nil {
		t.Fatal(err)
	}
	m.TLVs = wire.TLVs{{Tag: 0x1400, Value: []byte("1201")}}
	enquire := read(t, vectors(t)["enquire_link"]).Bytes()
	resp := wire.Frame{Body: []byte("1A2B3C\x00")}
	stream := bytes.NewReader(nil)
	buffered := bufio.NewReader(stream)
	h := wire.Header{Command: wire.SubmitSM, Sequence: 1}
	cases := []struct {
		name string
		most float64
		run  func()
	}{
		{"encode submit_sm", 1, func() { _, _ = m.Encode(h) }},
		{"decode submit_sm: the message and its strings", 2, func() { _, _ = wire.DecodeMessage(submit) }},
		{"decode deliver_sm: the message, its strings, its TLVs", 3, func() { _, _ = wire.DecodeMessage(receipt) }},
		{"encode deliver_sm_resp", 1, func() { _, _ = wire.MessageResp{}.Encode(h) }},
		{"decode submit_sm_resp", 1, func() { wire.DecodeMessageResp(resp) }},
		{"encode enquire_link", 1, func() { _, _ = wire.RawBody(nil).Encode(h) }},
		{"read enquire_link", 0, func() { stream.Reset(enquire); _, _ = wire.ReadFrame(buffered) }},
	}
	for _, c := range cases {
		if got := testing.AllocsPerRun(100, c.run); got > c.most {
			t.Errorf("%s: %v allocations, at most %v", c.name, got, c.most)
		}
	}
}

// FuzzAgainstGoSMPP gives our codec, the layout's and go-smpp's the same octets to decode, and the same
// fields to encode.
func FuzzAgainstGoSMPP(f *testing.F) {
	for _, b := range vectors(f) {
		f.Add(b[wire.HeaderLen:], "Verify", "000000000500000R", uint16(0x1400))
	}
	f.Fuzz(func(t *testing.T, body []byte, from, validity string, tag uint16) {
		h := wire.Header{Command: wire.SubmitSM, Sequence: 1}
		checkAgainstGoSMPP(t, wire.Frame{Header: h, Body: body})
		checkEncodeAgainstGoSMPP(t, &wire.Message{
			ServiceType: validity, Source: wire.Address{TON: byte(tag), NPI: byte(tag >> 8), Addr: from}, Dest: wire.Address{Addr: from},
			ScheduleDelivery: from, Validity: validity, ShortMessage: body, TLVs: wire.TLVs{{Tag: tag, Value: body}},
		}, h)
	})
}

func BenchmarkCodec(b *testing.B) {
	submit := read(b, vectors(b)["submit_sm_alphanumeric"])
	receipt := read(b, vectors(b)["deliver_sm_receipt_tlvs"])
	m, err := wire.DecodeMessage(submit)
	if err != nil {
		b.Fatal(err)
	}
	h := wire.Header{Command: wire.SubmitSM, Sequence: 1}
	cases := []struct {
		name string
		run  func()
	}{
		{"encode-submit_sm", func() { _, _ = m.Encode(h) }},
		{"encode-submit_sm-layout", func() { _, _ = wire.LayoutEncode(m, h) }},
		{"decode-submit_sm-layout", func() { _, _ = wire.LayoutDecode(submit) }},
		{"encode-submit_sm-go-smpp", func() { _, _ = wire.OracleEncode(m, h) }},
		{"decode-submit_sm", func() { _, _ = wire.DecodeMessage(submit) }},
		{"decode-submit_sm-go-smpp", func() { _, _ = wire.OracleDecode(submit) }},
		{"decode-deliver_sm", func() { _, _ = wire.DecodeMessage(receipt) }},
		{"decode-deliver_sm-go-smpp", func() { _, _ = wire.OracleDecode(receipt) }},
		{"encode-deliver_sm_resp", func() { _, _ = wire.MessageResp{}.Encode(h) }},
		{"decode-submit_sm_resp", func() { wire.DecodeMessageResp(wire.Frame{Body: []byte("1A2B3C\x00")}) }},
		{"encode-enquire_link", func() { _, _ = wire.RawBody(nil).Encode(h) }},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.run()
			}
		})
	}
}
