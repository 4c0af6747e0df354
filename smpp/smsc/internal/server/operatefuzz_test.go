package server_test

import (
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// FuzzOperate sends octets as the body of the other operations on a live session, which answers and lives on.
func FuzzOperate(f *testing.F) {
	commands := []wire.Command{wire.QuerySM, wire.CancelSM, wire.ReplaceSM, wire.SubmitMulti}
	dest := wire.Address{TON: 1, NPI: 1, Addr: "491"}
	for i, p := range []interface {
		Encode(wire.Header) ([]byte, error)
	}{
		wire.Query{MessageID: "1"}, wire.Cancel{Source: dest, Dest: dest}, wire.Replace{MessageID: "1", ShortMessage: []byte("x")},
		&wire.Multi{Message: *esmetest.Message("", "x"), Dests: []wire.Address{dest, dest}, Lists: []string{"all"}},
	} {
		f.Add(encode(f, commands[i], p)[wire.HeaderLen:], byte(i))
	}
	srv := esmetest.Start(f, smsc.Config{Keep: 10, NoMagic: true})
	e := esmetest.Bound(f, srv, wire.BindTransmitter, "a")
	f.Fuzz(func(t *testing.T, b []byte, which byte) {
		cmd := commands[int(which)%len(commands)]
		resp, err := e.Do(esmetest.Patient(t), cmd, wire.RawBody(b))
		if err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
		if resp.Command != cmd|wire.ResponseBit {
			t.Errorf("%s was answered with %s %s", cmd, resp.Command, resp.Status)
		}
		for _, m := range srv.Messages(smsc.Filter{Limit: 1}) {
			srv.Message(m.ID)
		}
	})
}
