package server_test

import (
	"net"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// burst writes n submit_sm at once with sequences from 10 on, and returns the statuses of the answers that
// came, by status.
func burst(t *testing.T, conn net.Conn, n int, quiet time.Duration) map[wire.Status]int {
	t.Helper()
	var out []byte
	for i := range n {
		b, err := esmetest.Message("1", "x").Encode(wire.Header{Command: wire.SubmitSM, Sequence: uint32(10 + i)})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	_ = conn.SetDeadline(time.Now().Add(esmetest.Patience))
	if _, err := conn.Write(out); err != nil {
		t.Fatal(err)
	}
	got := make(map[wire.Status]int)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(quiet))
		f, err := wire.ReadFrame(conn)
		if err != nil {
			return got
		}
		got[f.Status]++
	}
}

func TestThroughputLimit(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{AccountList: []smsc.Account{
		{SystemID: "raw", Limits: smsc.Limits{Throughput: 10}},
		{SystemID: "free"},
	}})
	a, b := esmetest.RawBound(t, srv), esmetest.RawBound(t, srv) // the limit is the account's, over its binds
	defer a.Close()
	defer b.Close()
	one := burst(t, a, 30, 200*time.Millisecond)
	if one[wire.StatusOK] < 1 || one[wire.StatusThrottled] < 10 || one[wire.StatusOK]+one[wire.StatusThrottled] != 30 {
		t.Errorf("answers %v, want a few taken and most refused", one)
	}
	burst(t, b, 30, 20*time.Millisecond)
	two := burst(t, a, 30, 200*time.Millisecond)
	if two[wire.StatusThrottled] == 0 {
		t.Errorf("answers %v", two)
	}
	for _, acc := range srv.Accounts() {
		if (acc.SystemID == "raw") != (acc.Throttled > 0) {
			t.Errorf("account %+v", acc)
		}
	}
	free := bound2(t, srv, "free", "")
	for range 50 {
		free.Submit(esmetest.Message("1", "x"))
	}
	await.That(t, "it recovers", func() bool { return burst(t, a, 1, 100*time.Millisecond)[wire.StatusOK] == 1 })
}

// bound2 is a transceiver with that password.
func bound2(t testing.TB, srv *smsc.Server, id, password string) *esmetest.Client {
	t.Helper()
	e := esmetest.Connect(t, srv)
	if _, err := e.Bind(esmetest.Patient(t), wire.BindTransceiver, wire.Bind{SystemID: id, Password: password}); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWindowLimit(t *testing.T) {
	tests := []struct {
		name        string
		limits      smsc.Limits
		ok, refused int
	}{
		{"refused above", smsc.Limits{Window: 5, Latency: smsc.After(500 * time.Millisecond)}, 5, 7},
		{"silent above", smsc.Limits{Window: 5, WindowSilent: true, Latency: smsc.After(500 * time.Millisecond)}, 5, 0},
		{"no limit", smsc.Limits{Latency: smsc.After(500 * time.Millisecond)}, 12, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := esmetest.Start(t, smsc.Config{Limits: tt.limits})
			conn := esmetest.RawBound(t, srv)
			defer conn.Close()
			got := burst(t, conn, 12, 1500*time.Millisecond)
			if got[wire.StatusOK] != tt.ok || got[wire.StatusMsgQFul] != tt.refused {
				t.Errorf("answers %v, want %d taken and %d refused", got, tt.ok, tt.refused)
			}
			if again := burst(t, conn, 3, 1500*time.Millisecond); again[wire.StatusOK] != 3 {
				t.Errorf("answers %v once there is room again", again)
			}
		})
	}
}

func TestLatency(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{Limits: smsc.Limits{Latency: smsc.Between(50*time.Millisecond, 90*time.Millisecond)}})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	began := time.Now()
	e.Submit(esmetest.Message("1", "x"))
	if d := time.Since(began); d < 50*time.Millisecond {
		t.Errorf("answered after %s", d)
	}
}

func TestBandwidth(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{Limits: smsc.Limits{Bandwidth: 2000}})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	m := esmetest.Message("1", "x")
	m.ShortMessage = nil
	m.TLVs = wire.TLVs{{Tag: wire.TagMessagePayload, Value: make([]byte, 1000)}}
	began := time.Now()
	e.Submit(m)
	if d := time.Since(began); d < 350*time.Millisecond {
		t.Errorf("1000 octets at 2000 a second took %s", d)
	}
}

func TestMaxBinds(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{Limits: smsc.Limits{MaxBinds: 2}})
	a := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	esmetest.Bound(t, srv, wire.BindReceiver, "a")
	third := esmetest.Dial(t, srv)
	if f := third.Ask(wire.BindTransceiver, wire.Bind{SystemID: "a"}); f.Status != wire.StatusAlreadyBound {
		t.Errorf("a third was answered %s", f.Status)
	}
	esmetest.Bound(t, srv, wire.BindTransceiver, "b")
	if err := a.Unbind(esmetest.Patient(t)); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the place is free again", func() bool {
		return third.Ask(wire.BindTransceiver, wire.Bind{SystemID: "a"}).Status == wire.StatusOK
	})
}

// TestAccountsChangeWhileItRuns: who may bind, and under which limits.
func TestAccountsChangeWhileItRuns(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	if err := srv.SetAccount(smsc.Account{SystemID: "a", Password: "new", Limits: smsc.Limits{Throughput: 0.001}}); err != nil {
		t.Fatal(err)
	}
	e.Submit(esmetest.Message("1", "x"))
	if f := e.Must(wire.SubmitSM, esmetest.Message("1", "x")); f.Status != wire.StatusThrottled {
		t.Errorf("answered %s under the new limit", f.Status)
	}
	other := esmetest.Dial(t, srv)
	for id, password := range map[string]string{"a": "secret", "b": "new"} {
		if f := other.Ask(wire.BindReceiver, wire.Bind{SystemID: id, Password: password}); f.Status == wire.StatusOK {
			t.Errorf("%s was bound with %s", id, password)
		}
	}
	if f := other.Ask(wire.BindReceiver, wire.Bind{SystemID: "a", Password: "new"}); f.Status != wire.StatusOK {
		t.Error(f.Status)
	}
	as := srv.Accounts()
	if len(as) != 1 || as[0].Binds != 2 || as[0].Receivers != 1 || !as[0].Configured || as[0].Throttled != 1 {
		t.Errorf("accounts %+v", as)
	}
	if !srv.DeleteAccount("a") || srv.DeleteAccount("a") {
		t.Error("delete")
	}
	esmetest.Bound(t, srv, wire.BindTransmitter, "anybody")
	for _, acc := range []smsc.Account{
		{}, {SystemID: "sixteen-long-name"}, {SystemID: "a", Limits: smsc.Limits{Window: -1}}, {SystemID: "a", Limits: smsc.Limits{Bandwidth: 5}},
		{SystemID: "a", Limits: smsc.Limits{WindowSilent: true}}, {SystemID: "a", Limits: smsc.Limits{Latency: &smsc.Delay{Kind: "x"}}},
	} {
		if srv.SetAccount(acc) == nil {
			t.Errorf("%+v was taken", acc)
		}
	}
}
