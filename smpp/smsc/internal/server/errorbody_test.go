package server_test

import (
	"bytes"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestErrorBodies: which responses with an error have a body, and that it has the mandatory fields of the
// PDU.
func TestErrorBodies(t *testing.T) {
	to := wire.Address{TON: 1, NPI: 1, Addr: "491701234567"}
	requests := []struct {
		cmd  wire.Command
		body wire.RawBody
		pdu  interface {
			Encode(wire.Header) ([]byte, error)
		}
		spec, all string
	}{
		{wire.QuerySM, nil, wire.Query{MessageID: "999"}, "999\x00\x00\x00\x00", "999\x00\x00\x00\x00"},
		{wire.QuerySM, wire.RawBody("9"), nil, "\x00\x00\x00\x00", "\x00\x00\x00\x00"},
		{wire.DataSM, nil, &wire.Message{Dest: wire.Address{TON: 1, Addr: "49abc"}}, "\x00", "\x00"},
		{wire.DataSM, nil, &wire.Message{Dest: wire.Address{TON: 1, NPI: 1, Addr: "491700009006"}}, "\x00", "\x00"},
		{wire.DataSM, wire.RawBody("x"), nil, "\x00", "\x00"},
		{wire.SubmitMulti, nil, &wire.Multi{Lists: []string{"all"}}, "\x00\x00", "\x00\x00"},
		{wire.SubmitMulti, wire.RawBody("x"), nil, "\x00\x00", "\x00\x00"},
		{wire.SubmitSM, nil, &wire.Message{Dest: wire.Address{TON: 1, Addr: "49abc"}}, "", "\x00"},
		{wire.SubmitSM, nil, &wire.Message{Dest: wire.Address{TON: 1, NPI: 1, Addr: "491700009006"}}, "", "\x00"},
		{wire.CancelSM, nil, wire.Cancel{MessageID: "999", Source: to, Dest: to}, "", ""},
		{wire.ReplaceSM, nil, wire.Replace{MessageID: "999", Source: to}, "", ""},
		{wire.BindTransceiver, nil, wire.Bind{SystemID: "a"}, "", "smscsim\x00"},
	}
	for which, want := range map[smsc.ErrorBodies]func(spec, all string) string{
		"":                   func(spec, _ string) string { return spec },
		smsc.ErrorBodiesSpec: func(spec, _ string) string { return spec },
		smsc.ErrorBodiesAll:  func(_, all string) string { return all },
		smsc.ErrorBodiesNone: func(_, _ string) string { return "" },
	} {
		srv := esmetest.Start(t, smsc.Config{ErrorBodies: which})
		e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
		for _, r := range requests {
			pdu := r.pdu
			if pdu == nil {
				pdu = r.body
			}
			f := e.Must(r.cmd, pdu)
			if body := want(r.spec, r.all); f.Status == wire.StatusOK || !bytes.Equal(f.Body, []byte(body)) {
				t.Errorf("%q, %s with %s: body %q, want %q", which, f.Command, f.Status, f.Body, body)
			}
		}
	}
	if _, err := smsc.Start(smsc.Config{ErrorBodies: "some"}); err == nil {
		t.Error("a way that there is not is taken")
	}
}
