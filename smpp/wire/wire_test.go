package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fiorix/go-smpp/smpp/pdu"
	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"

	"github.com/otpgw/otpgw/smpp/wire"
)

// vectors reads testdata/pdus: a file is one PDU in hex, "#" begins a comment.
func vectors(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../../testdata/pdus/*.hex")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in testdata/pdus: %v", err)
	}
	all := make(map[string][]byte)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var digits strings.Builder
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(line, "#")
			digits.WriteString(strings.Join(strings.Fields(line), ""))
		}
		b, err := hex.DecodeString(digits.String())
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".hex")] = b
	}
	return all
}

func read(t testing.TB, b []byte) wire.Frame {
	t.Helper()
	f, err := wire.ReadFrame(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDecodeVectors(t *testing.T) {
	all := vectors(t)
	cases := []struct {
		vector string
		want   wire.Message
	}{
		{"submit_sm_alphanumeric", wire.Message{
			Source: wire.Address{TON: 5, Addr: "Verify"}, Dest: wire.Address{TON: 1, NPI: 1, Addr: "46700000001"},
			Validity: "000000000500000R", RegisteredDelivery: 1, ShortMessage: []byte("code 123456"),
		}},
		{"deliver_sm_receipt_tlvs", wire.Message{
			Source: wire.Address{TON: 1, NPI: 1, Addr: "46700000001"}, Dest: wire.Address{TON: 5, Addr: "Verify"}, ESMClass: 4,
			ShortMessage: []byte("id:7 stat:DELIVRD"),
			TLVs:         wire.TLVs{{Tag: wire.TagReceiptedMessageID, Value: []byte("7\x00")}, {Tag: wire.TagMessageState, Value: []byte{2}}},
		}},
		{"deliver_sm_stray_nul", wire.Message{
			Source: wire.Address{Addr: "1"}, Dest: wire.Address{Addr: "2"}, ESMClass: 4, ShortMessage: []byte("id:7"),
			TLVs: wire.TLVs{{Tag: wire.TagMessageState, Value: []byte{2}}},
		}},
		{"deliver_sm_cut_tlv", wire.Message{
			Source: wire.Address{Addr: "1"}, Dest: wire.Address{Addr: "2"}, ESMClass: 4, ShortMessage: []byte("id:7"),
			TLVs: wire.TLVs{{Tag: wire.TagMessageState, Value: []byte{2}}, {Tag: wire.TagReceiptedMessageID, Value: []byte("7")}},
		}},
		{"data_sm_receipt", wire.Message{
			Source: wire.Address{TON: 1, NPI: 1, Addr: "46700000001"}, Dest: wire.Address{Addr: "1000"}, ESMClass: 4,
			TLVs: wire.TLVs{{Tag: wire.TagMessagePayload, Value: []byte("id:7 stat:DELIVRD")}},
		}},
	}
	for _, c := range cases {
		t.Run(c.vector, func(t *testing.T) {
			got, err := wire.DecodeMessage(read(t, all[c.vector]))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, c.want) {
				t.Errorf("got  %+v\nwant %+v", *got, c.want)
			}
		})
	}
}

func TestMessageRoundTrip(t *testing.T) {
	full := wire.Message{
		ServiceType: "WAP", Source: wire.Address{TON: 5, Addr: "Bank"}, Dest: wire.Address{TON: 1, NPI: 1, Addr: "359888123456"},
		ESMClass: wire.ESMClassUDHI, ProtocolID: 1, Priority: 2, ScheduleDelivery: "000000000100000R", Validity: "000000000200000R",
		RegisteredDelivery: 1, ReplaceIfPresent: 1, DataCoding: 8, DefaultMessageID: 3,
		ShortMessage: []byte{5, 0, 3, 9, 2, 1, 0x04, 0x1A}, TLVs: wire.TLVs{{Tag: 0x1400, Value: []byte("1201")}},
	}
	data := wire.Message{Source: full.Source, Dest: full.Dest, DataCoding: 8, RegisteredDelivery: 1,
		TLVs: wire.TLVs{{Tag: wire.TagMessagePayload, Value: bytes.Repeat([]byte{7}, 60000)}}}
	for cmd, m := range map[wire.Command]wire.Message{wire.SubmitSM: full, wire.DeliverSM: full, wire.DataSM: data} {
		t.Run(cmd.String(), func(t *testing.T) {
			h := wire.Header{Command: cmd, Sequence: 0x7FFFFFFF}
			b, err := m.Encode(h)
			if err != nil {
				t.Fatal(err)
			}
			f := read(t, b)
			if f.Header != h {
				t.Errorf("header %+v, want %+v", f.Header, h)
			}
			got, err := wire.DecodeMessage(f)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, m) {
				t.Errorf("got  %+v\nwant %+v", *got, m)
			}
		})
	}
}

// TestSubmitAgainstGoSMPP reads what we write with go-smpp's own decoder.
func TestSubmitAgainstGoSMPP(t *testing.T) {
	m := wire.Message{Source: wire.Address{TON: 5, Addr: "Verify"}, Dest: wire.Address{TON: 1, NPI: 1, Addr: "46700000001"},
		RegisteredDelivery: 1, ShortMessage: []byte("hello")}
	b, err := m.Encode(wire.Header{Command: wire.SubmitSM, Sequence: 9})
	if err != nil {
		t.Fatal(err)
	}
	p, err := pdu.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[pdufield.Name]string{
		pdufield.SourceAddr: "Verify", pdufield.SourceAddrTON: "5", pdufield.DestinationAddr: "46700000001",
		pdufield.ShortMessage: "hello", pdufield.RegisteredDelivery: "1",
	} {
		if got := p.Fields()[name].String(); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	cases := map[string]wire.Message{
		"NUL in the sender":      {Source: wire.Address{Addr: "a\x00b"}},
		"short_message too long": {ShortMessage: make([]byte, 255)},
		"TLV too long":           {TLVs: wire.TLVs{{Tag: 1, Value: make([]byte, 1<<16)}}},
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := m.Encode(wire.Header{Command: wire.SubmitSM}); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestMessageRespTolerates(t *testing.T) {
	cases := []struct{ name, body, want string }{
		{"with NUL", "abc\x00", "abc"},
		{"without NUL", "abc", "abc"},
		{"no body", "", ""},
		{"empty id", "\x00", ""},
		{"with TLVs", "abc\x00\x02\x10\x00\x01\x34", "abc"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := wire.DecodeMessageResp(wire.Frame{Body: []byte(c.body)}); got.MessageID != c.want {
				t.Errorf("message_id %q, want %q", got.MessageID, c.want)
			}
		})
	}
}

func TestBindRoundTrip(t *testing.T) {
	want := wire.Bind{SystemID: "otpgw", Password: "secret", SystemType: "OTP", InterfaceVersion: wire.Version34,
		AddressRange: wire.Address{TON: 1, NPI: 1, Addr: "^46"}}
	b, err := want.Encode(wire.Header{Command: wire.BindTransceiver, Sequence: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.DecodeBind(read(t, b))
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := wire.DecodeBind(wire.Frame{Body: []byte("only-an-id\x00")}); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("a bind without a password: %v", err)
	}
}

func TestReadFrameErrors(t *testing.T) {
	cases := []struct {
		name, hex string
		want      error
	}{
		{"nothing", "", io.EOF},
		{"cut header", "00000010 0000", io.ErrUnexpectedEOF},
		{"length below a header", "0000000F 00000015 00000000 00000001", wire.ErrFrameLength},
		{"length of gigabytes", "7FFFFFFF 00000015 00000000 00000001", wire.ErrFrameLength},
		{"cut body", "00000020 00000004 00000000 00000001 00", io.ErrUnexpectedEOF},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b, err := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := wire.ReadFrame(bytes.NewReader(b)); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, b := range vectors(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		for {
			at := len(b) - r.Len()
			fr, err := wire.ReadFrame(r)
			if err != nil {
				return
			}
			if !bytes.Equal(fr.Bytes(), b[at:len(b)-r.Len()]) {
				t.Fatalf("a frame does not make the octets it was read from")
			}
			wire.DecodeBindResp(fr)
			wire.DecodeMessageResp(fr)
			_, _ = wire.DecodeBind(fr)
			m, err := wire.DecodeMessage(fr)
			if err != nil {
				continue
			}
			m.Payload()
			if again, err := m.Encode(fr.Header); err == nil {
				if _, err := wire.DecodeMessage(read(t, again)); err != nil {
					t.Fatalf("what was decoded and encoded cannot be decoded: %v", err)
				}
			}
		}
	})
}
