package link_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// bindServer is an SMSC that answers binds as a test says, and nothing else.
type bindServer struct {
	addr  string
	binds chan boundPeer
}

type boundPeer struct {
	cmd  wire.Command
	bind wire.Bind
	sess *session.Session
}

func newBindServer(t *testing.T, status func(n int) wire.Status) *bindServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newBindServerOn(t, ln, status)
}

func newBindServerOn(t *testing.T, ln net.Listener, status func(n int) wire.Status) *bindServer {
	t.Helper()
	srv := &bindServer{addr: ln.Addr().String(), binds: make(chan boundPeer, 100)}
	run, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var mu sync.Mutex
	n := 0
	bind := func(ctx context.Context, s *session.Session, f wire.Frame) {
		req, err := wire.DecodeBind(f)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		n++
		code := status(n)
		mu.Unlock()
		srv.binds <- boundPeer{f.Command, req, s}
		if code == wire.StatusOK {
			s.SetBound()
		}
		_ = s.Respond(ctx, f, code, wire.BindResp{SystemID: "test"})
	}
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s := session.New(conn, session.Options{Handlers: map[wire.Command]session.Handler{
				wire.BindTransceiver: bind, wire.BindTransmitter: bind, wire.BindReceiver: bind,
			}})
			wg.Go(func() { _ = s.Run(run) })
		}
	})
	t.Cleanup(func() { ln.Close(); cancel(); wg.Wait() })
	return srv
}

func alwaysOK(int) wire.Status { return wire.StatusOK }

// TestBindFields: what the variables say is what the SMSC gets, and by default version 3.4 and nothing else.
func TestBindFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*link.Config)
		want   wire.Bind
	}{
		{"defaults", nil, wire.Bind{SystemID: "acc", Password: "secret", InterfaceVersion: 0x34}},
		{"all", func(c *link.Config) {
			c.SystemType, c.InterfaceVersion, c.AddressRange = "VMA", 0x33, wire.Address{TON: 1, NPI: 8, Addr: "^4670"}
		}, wire.Bind{SystemID: "acc", Password: "secret", SystemType: "VMA", InterfaceVersion: 0x33, AddressRange: wire.Address{TON: 1, NPI: 8, Addr: "^4670"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, smsc.Config{})
			srv := newBindServer(t, alwaysOK)
			r.start(r.config(func(cfg *link.Config) {
				cfg.Addr = srv.addr
				if c.change != nil {
					c.change(cfg)
				}
			}))
			if got := next(t, srv.binds); got.bind != c.want || got.cmd != wire.BindTransceiver {
				t.Errorf("%s %+v, want %+v", got.cmd, got.bind, c.want)
			}
		})
	}
}

// TestReceiptsOnEitherBind: some SMSCs send them to the transmitter, too; each of several binds takes them.
func TestReceiptsOnEitherBind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		mode  link.BindMode
		binds int
	}{{"split", link.BindSplit, 1}, {"three transceivers", link.BindTransceiver, 3}, {"two split", link.BindSplit, 2}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, smsc.Config{})
			srv := newBindServer(t, alwaysOK)
			l, _ := r.start(r.config(func(cfg *link.Config) { cfg.Addr, cfg.Bind, cfg.Binds = srv.addr, c.mode, c.binds }))
			kinds := make(map[wire.Command]int)
			for i := range len(l.Status()) {
				p := next(t, srv.binds)
				kinds[p.cmd]++
				receipt := fmt.Sprintf("id:%d sub:001 dlvrd:001 stat:DELIVRD err:000 text:", i)
				f, err := p.sess.Do(ctx(t), wire.DeliverSM, &wire.Message{ESMClass: wire.ESMClassReceipt, ShortMessage: []byte(receipt)})
				if err != nil || f.Status != wire.StatusOK {
					t.Errorf("%s: answered %s, %v", p.cmd, f.Status, err)
				}
				if in := next(t, r.sink.incoming); in.Text != receipt || !in.Receipt || in.Link != "carrier" {
					t.Errorf("%s: incoming %+v", p.cmd, in)
				}
			}
			want := map[wire.Command]int{wire.BindTransceiver: c.binds}
			if c.mode == link.BindSplit {
				want = map[wire.Command]int{wire.BindTransmitter: c.binds, wire.BindReceiver: c.binds}
			}
			if fmt.Sprint(kinds) != fmt.Sprint(want) {
				t.Errorf("binds %v, want %v", kinds, want)
			}
		})
	}
}

// TestSeveralBindsShareTheTPS: twice the binds are not twice the rate.
func TestSeveralBindsShareTheTPS(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	for range 40 {
		r.put("+46700000001", "code")
	}
	began := time.Now()
	r.start(r.config(func(c *link.Config) { c.TPS, c.Binds = 25, 4 }))
	for range 40 {
		next(t, r.sink.accepted)
	}
	if d := time.Since(began); d < 1500*time.Millisecond {
		t.Errorf("40 parts in %s at 25 per second over four binds", d)
	}
}

// TestAddressFamily: an address of the other family is not connected to.
func TestAddressFamily(t *testing.T) {
	hosts := map[link.Family]string{link.FamilyIPv4: "127.0.0.1", link.FamilyIPv6: "::1"}
	for family, host := range hosts {
		ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Logf("no %s loopback here", family)
			continue
		}
		srv := newBindServerOn(t, ln, alwaysOK)
		for _, asked := range []link.Family{link.FamilyAny, link.FamilyIPv4, link.FamilyIPv6} {
			cfg := link.Config{Name: "x", Addr: srv.addr, Family: asked, SystemID: "acc", ResponseTimeout: 5 * time.Second}
			var out syncBuffer
			err := link.Probe(ctx(t), cfg, &out)
			if wrong := asked != link.FamilyAny && asked != family; (err != nil) != wrong || (len(srv.binds) == 0) != wrong {
				t.Errorf("%s to %s: %v, %d binds\n%s", asked, srv.addr, err, len(srv.binds), out.String())
			} else if wrong && !strings.Contains(out.String(), "FAMILY") {
				t.Errorf("no word of FAMILY in\n%s", out.String())
			}
			for len(srv.binds) > 0 {
				<-srv.binds
			}
		}
	}
}

// TestSourceAddress: the SMSC sees the address that the carrier knows.
func TestSourceAddress(t *testing.T) {
	const source = "127.0.0.2"
	if ln, err := net.Listen("tcp", source+":0"); err != nil {
		t.Skip("this system's loopback has one address only")
	} else {
		ln.Close()
	}
	seen := make(chan string, 1)
	r := newRig(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome { seen <- s.Remote; return smsc.Outcome{} }})
	r.put("+46700000001", "code")
	r.start(r.config(func(c *link.Config) { c.SourceAddr = netip.MustParseAddr(source) }))
	if host, _, _ := net.SplitHostPort(next(t, seen)); host != source {
		t.Errorf("came from %s", host)
	}
}
