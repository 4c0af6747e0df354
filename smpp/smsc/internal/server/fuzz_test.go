package server_test

import (
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// FuzzSubmit sends octets as the body of a submit_sm or data_sm on a live session. Whatever they are, the
// session answers and lives on.
func FuzzSubmit(f *testing.F) {
	body := func(m *wire.Message, cmd wire.Command) []byte {
		b, err := m.Encode(wire.Header{Command: cmd})
		if err != nil {
			f.Fatal(err)
		}
		return b[wire.HeaderLen:]
	}
	for _, o := range []text.Options{{}, {Long: text.LongUDH16}, {Long: text.LongSAR}, {Long: text.LongPayload}} {
		for _, m := range esmetest.Messages("491", "Ваш код 4711 👍 Ваш код 4711 👍 Ваш код 4711 👍 Ваш код 4711 👍 Ваш код 4711", o) {
			f.Add(body(m, wire.SubmitSM), false)
			f.Add(body(m, wire.DataSM), true)
		}
	}
	f.Add([]byte{}, false)
	f.Add([]byte("\x00\x05\x00a\x00\x01\x01b\x00\x40\x00\x00\x00\x00\x01\x00\x08\x00\xffabc"), false)
	srv := esmetest.Start(f, smsc.Config{Keep: 10, OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome { return smsc.Outcome{} }})
	e := esmetest.Bound(f, srv, wire.BindTransceiver, "a")
	go func() { // what came is of no interest
		for {
			select {
			case <-e.Delivered:
			case <-e.Ended:
				return
			}
		}
	}()
	f.Fuzz(func(t *testing.T, b []byte, data bool) {
		cmd := wire.SubmitSM
		if data {
			cmd = wire.DataSM
		}
		resp, err := e.Do(esmetest.Patient(t), cmd, wire.RawBody(b))
		if err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
		if resp.Command != cmd|wire.ResponseBit {
			t.Errorf("%s was answered with %s %s", cmd, resp.Command, resp.Status)
		}
		srv.Messages(smsc.Filter{})
	})
}
