package smsc_test

import (
	"errors"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
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
		&wire.Multi{Message: *message("", "x"), Dests: []wire.Address{dest, dest}, Lists: []string{"all"}},
	} {
		f.Add(encode(f, commands[i], p)[wire.HeaderLen:], byte(i))
	}
	srv := start(f, smsc.Config{Keep: 10, NoMagic: true})
	e := bound(f, srv, wire.BindTransmitter, "a")
	f.Fuzz(func(t *testing.T, b []byte, which byte) {
		cmd := commands[int(which)%len(commands)]
		resp, err := e.Do(patient(t), cmd, wire.RawBody(b))
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

// FuzzParseRule: a rule that is taken is one that can be written and taken again; what is wrong is a FieldError.
func FuzzParseRule(f *testing.F) {
	f.Add([]byte(`{"match":{"to":"49"},"submit":{"delay":{"kind":"uniform","max":"1s"}},"receipt":{"state":"UNDELIV"}}`))
	f.Add([]byte(`{"share":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := smsc.ParseRule(b)
		var fault *smsc.FieldError
		if err != nil && (!errors.As(err, &fault) || fault.Field == "" || fault.Reason == "") {
			t.Errorf("%q: %v", b, err)
		}
		_, _ = smsc.ParseRules(b)
	})
}
