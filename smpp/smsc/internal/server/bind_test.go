package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestBindKinds(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	tests := []struct {
		name   string
		cmd    wire.Command
		submit wire.Status
	}{
		{"transmitter", wire.BindTransmitter, wire.StatusOK},
		{"receiver", wire.BindReceiver, wire.StatusInvBindSts},
		{"transceiver", wire.BindTransceiver, wire.StatusOK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := esmetest.Connect(t, srv)
			resp, err := e.Bind(esmetest.Patient(t), tt.cmd, wire.Bind{SystemID: "a", Password: "b"})
			if err != nil {
				t.Fatal(err)
			}
			if v, _ := resp.TLVs.Get(wire.TagScInterfaceVersion); resp.SystemID != "smscsim" || len(v) != 1 || v[0] != wire.Version34 {
				t.Errorf("bind response %+v", resp)
			}
			if f := e.Must(wire.SubmitSM, esmetest.Message("49170", "hi")); f.Status != tt.submit {
				t.Errorf("submit_sm was answered %s, want %s", f.Status, tt.submit)
			}
			if f := e.Must(wire.DataSM, &wire.Message{Dest: wire.Address{Addr: "1"}}); f.Status != tt.submit {
				t.Errorf("data_sm was answered %s, want %s", f.Status, tt.submit)
			}
			var refused *session.BindError
			if _, err := e.Bind(esmetest.Patient(t), tt.cmd, wire.Bind{}); !errors.As(err, &refused) || refused.Status != wire.StatusAlreadyBound {
				t.Errorf("second bind: %v", err)
			}
		})
	}
}

func TestSubmitBeforeBind(t *testing.T) {
	e := esmetest.Connect(t, esmetest.Start(t, smsc.Config{}))
	if f := e.Must(wire.SubmitSM, esmetest.Message("49170", "hi")); f.Status != wire.StatusInvBindSts {
		t.Errorf("answered %s", f.Status)
	}
}

func TestPassword(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{Accounts: map[string]string{"alice": "right", "bob": ""}})
	tests := []struct {
		name, id, password string
		want               wire.Status
	}{
		{"unknown account", "carol", "right", wire.StatusInvSysID},
		{"no account", "", "", wire.StatusInvSysID},
		{"wrong password", "alice", "wrong", wire.StatusInvPaswd},
		{"no password", "alice", "", wire.StatusInvPaswd},
		{"right", "alice", "right", wire.StatusOK},
		{"empty password, as configured", "bob", "", wire.StatusOK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := esmetest.Dial(t, srv)
			f := e.Ask(wire.BindTransceiver, wire.Bind{SystemID: tt.id, Password: tt.password})
			if f.Status != tt.want {
				t.Errorf("answered %s, want %s", f.Status, tt.want)
			}
			if tt.want == wire.StatusOK {
				return
			}
			if f := e.Ask(wire.SubmitSM, esmetest.Message("1", "x")); f.Status != wire.StatusInvBindSts {
				t.Errorf("submit_sm behind a refused bind was answered %s", f.Status)
			}
		})
	}
}

func TestBindAgainAfterRefusal(t *testing.T) {
	e := esmetest.Dial(t, esmetest.Start(t, smsc.Config{Accounts: map[string]string{"a": "b"}}))
	if f := e.Ask(wire.BindReceiver, wire.Bind{SystemID: "a"}); f.Status != wire.StatusInvPaswd {
		t.Fatal(f.Status)
	}
	if f := e.Ask(wire.BindTransmitter, wire.Bind{SystemID: "a", Password: "b"}); f.Status != wire.StatusOK {
		t.Fatal(f.Status)
	}
	if f := e.Ask(wire.SubmitSM, esmetest.Message("1", "x")); f.Status != wire.StatusOK {
		t.Error(f.Status)
	}
}

func TestMalformedAndUnknown(t *testing.T) {
	e := esmetest.Bound(t, esmetest.Start(t, smsc.Config{}), wire.BindTransceiver, "a")
	tests := []struct {
		name string
		cmd  wire.Command
		body []byte
		want wire.Status
	}{
		{"cut submit_sm", wire.SubmitSM, []byte("\x00\x00"), wire.StatusInvCmdLen},
		{"empty submit_sm", wire.SubmitSM, nil, wire.StatusInvCmdLen},
		{"no destination", wire.SubmitSM, make([]byte, 17), wire.StatusInvDstAdr},
		{"broadcast_sm", 0x111, make([]byte, 8), wire.StatusInvCmdID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if f := e.Must(tt.cmd, wire.RawBody(tt.body)); f.Status != tt.want {
				t.Errorf("answered %s %s, want %s", f.Command, f.Status, tt.want)
			}
		})
	}
	e.Submit(esmetest.Message("1", "still alive"))
}

func TestUnbindBothWays(t *testing.T) {
	srv, err := smsc.Start(smsc.Config{})
	if err != nil {
		t.Fatal(err)
	}
	client := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	if err := client.Unbind(esmetest.Patient(t)); err != nil {
		t.Errorf("unbind: %v", err)
	}
	other := esmetest.Bound(t, srv, wire.BindReceiver, "a")
	open := esmetest.Connect(t, srv)
	if err := srv.Close(esmetest.Patient(t)); err != nil {
		t.Errorf("Close: %v", err)
	}
	<-other.Ended
	if err := other.Err(); !errors.Is(err, session.ErrUnbound) {
		t.Errorf("the bind ended with %v, want an unbind", err)
	}
	<-open.Ended
	if err := srv.Close(esmetest.Patient(t)); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// TestCloseIsBounded: a peer that does not answer unbind is broken off.
func TestCloseIsBounded(t *testing.T) {
	srv, err := smsc.Start(smsc.Config{HTTPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	conn := esmetest.RawBound(t, srv)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := srv.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v", err)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("took %s", d)
	}
}

// TestUnbindBehindSubmits: what was submitted before an unbind is answered before it.
func TestUnbindBehindSubmits(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	conn := esmetest.RawBound(t, srv)
	defer conn.Close()
	const n = 50
	var out []byte
	for i := range n {
		b, err := esmetest.Message("1", "x").Encode(wire.Header{Command: wire.SubmitSM, Sequence: uint32(i + 10)})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	out = append(out, wire.Frame{Header: wire.Header{Command: wire.Unbind, Sequence: 99}}.Bytes()...)
	if _, err := conn.Write(out); err != nil {
		t.Fatal(err)
	}
	answered := 0
	for {
		f, err := wire.ReadFrame(conn)
		if err != nil {
			t.Fatal(err)
		}
		if f.Command == wire.UnbindResp {
			break
		}
		if f.Command == wire.SubmitSMResp {
			answered++
		}
	}
	if answered != n {
		t.Errorf("%d of %d submit_sm were answered before the unbind", answered, n)
	}
}
