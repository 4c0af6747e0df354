package conform_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/conform"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// right are values that are taken, where a field of zero or no octets is not.
var right = map[string][]byte{
	"system_id": []byte("a"), "interface_version": {0x34}, "source_addr_ton": {1}, "source_addr": []byte("4917"),
	"dest_addr_ton": {1}, "destination_addr": []byte("491701234567"), "number_of_dests": {1, 1, 1, 1, '4', '9', 0},
	"message_id": []byte("1"), "sm_length": {1}, "short_message": {'x'},
}

// body is the body of a request with one field's value replaced. With sm_length 0 there is no short_message.
func body(p conform.PDU, field string, value []byte) []byte {
	var b []byte
	none := field == "sm_length" && value[0] == 0
	for _, f := range p.Fields {
		v := right[f.Name]
		if f.Name == field {
			v = value
		}
		switch f.Kind {
		case wire.CString:
			b = append(append(b, v...), 0)
		case wire.Octets:
			if !none {
				b = append(b, v...)
			}
		case wire.Count:
			b = append(b, v...)
		default:
			if len(v) == 0 {
				v = []byte{0}
			}
			b = append(b, v...)
		}
	}
	return b
}

// ask sends a request and returns the status of its answer: a bind on a connection of its own.
func ask(t *testing.T, srv *smsc.Server, e *esmetest.Client, p conform.PDU, b []byte) wire.Status {
	t.Helper()
	if strings.HasPrefix(p.Name, "bind") {
		e = esmetest.Connect(t, srv)
		defer func() { e.Close(nil); <-e.Ended }()
	}
	f := e.Must(p.Command, wire.RawBody(b))
	if f.Command != p.Command|wire.ResponseBit {
		t.Errorf("%s was answered with %s", p.Name, f.Command)
	}
	return f.Status
}

// requests are the PDUs that a client sends and the server answers by their rows.
func requests() (list []conform.PDU) {
	for _, p := range conform.PDUs {
		if p.Direction != conform.Sent && len(p.Fields) > 0 && p.Command&wire.ResponseBit == 0 {
			list = append(list, p)
		}
	}
	return list
}

// TestEachFieldIsRefused: each refusal of each row, over a connection, and the right value beside it.
func TestEachFieldIsRefused(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	for _, p := range requests() {
		if s := ask(t, srv, e, p, body(p, "", nil)); slices.Contains([]wire.Status{0x01, 0x02, 0x0A, 0x0B, 0x15, 0x61, 0x62}, s) {
			t.Errorf("%s with right fields was refused with %s", p.Name, s)
		}
		for _, f := range p.Fields {
			if f.Kind == wire.CString {
				long := bytes.Repeat([]byte("1"), f.Max)
				if s := ask(t, srv, e, p, body(p, f.Name, long)); s != f.TooLong || s == wire.StatusOK {
					t.Errorf("%s, %s of %d octets: %s, want %s", p.Name, f.Name, f.Max, s, f.TooLong)
				}
			}
			for _, r := range f.Refuses {
				if s := ask(t, srv, e, p, body(p, f.Name, r.Example)); s != r.Status || s == wire.StatusOK {
					t.Errorf("%s, %s, %s: %s, want %s", p.Name, f.Name, r.What, s, r.Status)
				}
			}
		}
		whole := body(p, "", nil)
		for _, n := range []int{0, len(whole) / 2, len(whole) - 1} {
			if s := ask(t, srv, e, p, whole[:n]); s != wire.StatusInvCmdLen {
				t.Errorf("%s that ends after %d octets: %s", p.Name, n, s)
			}
		}
	}
}

// TestValidityBeforeTheSchedule: a message that would expire before it is delivered is refused.
func TestValidityBeforeTheSchedule(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	m := esmetest.Message("491701234567", "x")
	m.ScheduleDelivery, m.Validity = "000000000200000R", "000000000100000R"
	if f := e.Must(wire.SubmitSM, m); f.Status != 0x62 {
		t.Errorf("answered %s", f.Status)
	}
	m.Validity = "000000000300000R"
	e.Submit(m)
}

// TestLenient: what a strict server refuses for its length or form a lenient one takes.
func TestLenient(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{Lenient: true})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	for _, p := range requests() {
		if p.Command != wire.SubmitSM && p.Command != wire.DataSM {
			continue
		}
		for _, f := range p.Fields {
			for _, r := range f.Refuses {
				if r.What == "none" || f.Kind == wire.Length {
					continue
				}
				if s := ask(t, srv, e, p, body(p, f.Name, r.Example)); s != wire.StatusOK {
					t.Errorf("%s, %s, %s: %s", p.Name, f.Name, r.What, s)
				}
			}
		}
		if s := ask(t, srv, e, p, body(p, "service_type", []byte("TOOLONG"))); s != wire.StatusOK {
			t.Errorf("%s, a long service_type: %s", p.Name, s)
		}
		if s := ask(t, srv, e, p, append(body(p, "", nil), 0x02, 0x04, 0, 1, 9)); s != wire.StatusOK {
			t.Errorf("%s, a TLV of a wrong size: %s", p.Name, s)
		}
	}
}

func tlv(tag uint16, v []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, tag)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(v))), v...)
}

// TestEachTLV: each optional parameter in each request, with a right size and with wrong ones.
func TestEachTLV(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	uses := map[wire.Command]conform.Uses{wire.SubmitSM: conform.InSubmit, wire.SubmitMulti: conform.InMulti, wire.DataSM: conform.InData}
	sar := []uint16{wire.TagSarMsgRefNum, wire.TagSarTotalSegments, wire.TagSarSegmentSeqnum}
	one := map[uint16][]byte{sar[0]: {0, 1}, sar[1]: {1}, sar[2]: {1}}
	for _, p := range requests() {
		use, ok := uses[p.Command]
		if !ok {
			continue
		}
		base := body(p, "sm_length", []byte{0})
		try := func(what string, row conform.TLV, v []byte, want wire.Status) {
			t.Helper()
			b := append(slices.Clone(base), tlv(row.Tag, v)...)
			for _, other := range sar { // the three go together
				if slices.Contains(sar, row.Tag) && other != row.Tag {
					b = append(b, tlv(other, one[other])...)
				}
			}
			if s := ask(t, srv, e, p, b); s != want {
				t.Errorf("%s with %s of %s: %s, want %s", p.Name, row.Name, what, s, want)
			}
		}
		for _, row := range conform.TLVs {
			size := max(row.Min, 1)
			if row.Max == 0 {
				size = 0
			}
			fine := bytes.Repeat([]byte{1}, size)
			if row.In&use == 0 {
				try("a right size", row, fine, 0xC1)
				continue
			}
			try("a right size", row, fine, wire.StatusOK)
			if row.Min > 0 {
				try("too few octets", row, fine[:row.Min-1], 0xC2)
			}
			if row.Max < 1000 {
				try("too many octets", row, make([]byte, row.Max+1), 0xC2)
			}
			if row.Most > 0 {
				try("too high a value", row, []byte{row.Most + 1}, 0xC4)
			}
		}
		for what, c := range map[string]struct {
			octets []byte
			want   wire.Status
		}{
			"a vendor's":                      {tlv(0x1400, []byte("any")), wire.StatusOK},
			"one that is not known":           {tlv(0x9999, nil), wire.StatusOK},
			"a cut one":                       {[]byte{0x02, 0x04, 0, 9, 1}, 0xC0},
			"one with no length":              {[]byte{0x02, 0x04, 0}, 0xC0},
			"a part without its total":        {tlv(wire.TagSarSegmentSeqnum, []byte{1}), 0xC3},
			"part 3 of 2":                     {slices.Concat(tlv(sar[0], []byte{0, 1}), tlv(sar[1], []byte{2}), tlv(sar[2], []byte{3})), 0xC4},
			"part 0 of 2":                     {slices.Concat(tlv(sar[0], []byte{0, 1}), tlv(sar[1], []byte{2}), tlv(sar[2], []byte{0})), 0xC4},
			"message_payload and vendor TLVs": {slices.Concat(tlv(0x0424, []byte("hi")), tlv(0x1401, []byte("12"))), wire.StatusOK},
		} {
			if s := ask(t, srv, e, p, append(slices.Clone(base), c.octets...)); s != c.want {
				t.Errorf("%s with %s: %s, want %s", p.Name, what, s, c.want)
			}
		}
		if p.Command != wire.DataSM {
			if s := ask(t, srv, e, p, append(body(p, "", nil), tlv(0x0424, []byte("hi"))...)); s != wire.StatusInvMsgLen {
				t.Errorf("%s with short_message and message_payload: %s", p.Name, s)
			}
		}
	}
}
