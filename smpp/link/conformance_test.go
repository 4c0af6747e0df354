package link_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// peer is an SMSC that the conformance suite runs against. It takes binds of acc/secret, sends a receipt for
// each message, and an enquire_link to sessions that are idle for 50 ms.
type peer interface {
	Addr() string
	Received(t *testing.T, to string) (text string, parts int) // waits for a whole message
	Unbind(t *testing.T)                                       // unbinds every session
}

// TestConformance runs the same cases against our simulator and against an SMSC that we did not write.
func TestConformance(t *testing.T) {
	t.Parallel()
	peers := []struct {
		name  string
		start func(t *testing.T) peer
	}{
		{"simulator", func(t *testing.T) peer { return startSimulator(t) }},
		{"npm smpp", func(t *testing.T) peer { return startNodeSMSC(t, nodeModules(t)) }},
	}
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			smsc := p.start(t)
			t.Run("bind kinds", func(t *testing.T) { conformBinds(t, smsc) })
			t.Run("wrong password", func(t *testing.T) { conformPassword(t, smsc) })
			t.Run("messages and receipts", func(t *testing.T) { conformMessages(t, smsc) })
			t.Run("enquire_link both ways", func(t *testing.T) { conformEnquireLink(t, smsc) })
			t.Run("unknown command", func(t *testing.T) { conformUnknown(t, smsc) })
			t.Run("unbind by us", func(t *testing.T) { conformUnbind(t, smsc) })
			t.Run("unbind by the SMSC", func(t *testing.T) { conformUnbound(t, smsc) }) // last: the simulator ends with it
		})
	}
}

// dialSession is a session to the peer, and how its Run ended.
func dialSession(t testing.TB, p peer, o session.Options) (*session.Session, chan error) {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	s := session.New(conn, o)
	ended := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- s.Run(context.Background())
	}()
	t.Cleanup(func() { s.Close(session.ErrClosed); <-done })
	return s, ended
}

var credentials = wire.Bind{SystemID: "acc", Password: "secret", InterfaceVersion: wire.Version34}

func boundSession(t testing.TB, p peer, o session.Options) (*session.Session, chan error) {
	t.Helper()
	s, ended := dialSession(t, p, o)
	if _, err := s.Bind(ctx(t), wire.BindTransceiver, credentials); err != nil {
		t.Fatal(err)
	}
	return s, ended
}

func conformBinds(t *testing.T, p peer) {
	for _, cmd := range []wire.Command{wire.BindTransceiver, wire.BindTransmitter, wire.BindReceiver} {
		s, ended := dialSession(t, p, session.Options{})
		r, err := s.Bind(ctx(t), cmd, credentials)
		if err != nil || r.SystemID == "" || s.State() != session.Bound {
			t.Errorf("%s: %+v, %v, %s", cmd, r, err, s.State())
		}
		if err := s.Unbind(ctx(t)); err != nil {
			t.Errorf("%s: unbind: %v", cmd, err)
		}
		if err := next(t, ended); !errors.Is(err, session.ErrUnbound) {
			t.Errorf("%s: ended with %v", cmd, err)
		}
	}
}

func conformPassword(t *testing.T, p peer) {
	s, _ := dialSession(t, p, session.Options{})
	wrong := credentials
	wrong.Password = "guess"
	_, err := s.Bind(ctx(t), wire.BindTransceiver, wrong)
	var refused *session.BindError
	if !errors.As(err, &refused) || link.Classify(refused.Status) != link.Misconfigured {
		t.Errorf("error %v", err)
	}
}

func conformMessages(t *testing.T, p peer) {
	cases := []struct {
		name, text string
		change     func(*link.Config)
		parts      int
	}{
		{"single", "Your code is 123456", nil, 1},
		{"every corner of the alphabet", "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà^{}\\[~]|€", nil, 1},
		{"Cyrillic", "Вашият код е 123456", nil, 1},
		{"emoji", "Your code is 123456 😀", nil, 1},
		{"long", strings.Repeat("Your code is 123456. [€] ", 20), nil, 4},
		{"long Cyrillic", strings.Repeat("Вашият код е 123456. ", 12), nil, 4},
		{"long, 16-bit reference", strings.Repeat("Your code is 123456. ", 20), func(c *link.Config) { c.Long = "udh16" }, 3},
		{"long, message_payload", strings.Repeat("Your code is 123456. ", 20), func(c *link.Config) { c.Long = "payload" }, 1},
		{"over split binds", "Your code is 654321", func(c *link.Config) { c.Bind = link.BindSplit }, 1},
		{"over two binds", "Your code is 654322", func(c *link.Config) { c.Binds = 2 }, 1},
		{"Spanish table", strings.Repeat("Su código es 123456. ", 5), func(c *link.Config) { c.National = []string{"spanish"} }, 1},
	}
	q := queuetest.Open(t)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := &rig{t: t, q: q, sink: newRecorder(), n: i * 100}
			cfg := link.Config{Name: "carrier", Addr: p.Addr(), SystemID: "acc", Password: "secret", Bind: link.BindTransceiver, Binds: 1,
				Window: 10, EnquireLink: 30 * time.Second, ResponseTimeout: 5 * time.Second, Routes: []link.Route{{Name: queuetest.Route}}}
			if c.change != nil {
				c.change(&cfg)
			}
			to := fmt.Sprintf("4670000%04d", i)
			l, stop := r.start(cfg)
			waitBound(t, l) // a receipt that finds no receiver is lost here, as no carrier loses it
			id := r.put("+"+to, c.text)
			if got, parts := p.Received(t, to); got != c.text || parts != c.parts {
				t.Errorf("arrived in %d parts, want %d: %q", parts, c.parts, got)
			}
			ids := make(map[string]bool)
			for range c.parts {
				a := next(t, r.sink.accepted)
				if a.Message.ID != id || a.Parts != c.parts || a.MessageID == "" {
					t.Errorf("accepted: %+v", a)
				}
				ids[a.MessageID] = true
			}
			for range c.parts { // a receipt for each part
				in := next(t, r.sink.incoming)
				receipted := string(receiptedID(in))
				if !in.Receipt || !ids[receipted] || !strings.Contains(in.Text, "id:"+receipted+" ") || !strings.Contains(in.Text, "stat:DELIVRD") {
					t.Errorf("receipt: %+v, want one of %v", in, ids)
				}
				delete(ids, receipted)
			}
			r.drained()
			stop()
		})
	}
}

// waitBound waits until each bind of a link is.
func waitBound(t testing.TB, l *link.Link) {
	t.Helper()
	if !await.Within(await.Patience, func() bool {
		return !slices.ContainsFunc(l.Status(), func(b link.BindStatus) bool { return b.State != "bound" })
	}) {
		t.Fatalf("not bound: %+v", l.Status())
	}
}

func conformEnquireLink(t *testing.T, p peer) {
	var asked, answered atomic.Int32
	s, _ := boundSession(t, p, session.Options{EnquireLink: -1, Trace: func(out bool, b []byte) {
		switch cmd := b[4:8]; {
		case !out && bytes.Equal(cmd, []byte{0, 0, 0, 0x15}):
			asked.Add(1)
		case out && bytes.Equal(cmd, []byte{0x80, 0, 0, 0x15}):
			answered.Add(1)
		}
	}})
	f, err := s.Do(ctx(t), wire.EnquireLink, wire.RawBody(nil))
	if err != nil || f.Command != wire.EnquireLinkResp || f.Status != 0 {
		t.Errorf("ours was answered by %+v, %v", f, err)
	}
	if !await.Within(await.Patience, func() bool { return answered.Load() >= 3 }) {
		t.Fatalf("the SMSC asked %d times, we answered %d", asked.Load(), answered.Load())
	}
	if err := s.Err(); err != nil {
		t.Errorf("the session ended: %v", err)
	}
}

func conformUnknown(t *testing.T, p peer) {
	s, _ := boundSession(t, p, session.Options{EnquireLink: -1})
	f, err := s.Do(ctx(t), 0x00000999, wire.RawBody(nil))
	if err != nil || f.Command != wire.GenericNack || f.Status != wire.StatusInvCmdID {
		t.Errorf("answer %+v, %v", f, err)
	}
	if _, err := s.Do(ctx(t), wire.EnquireLink, wire.RawBody(nil)); err != nil {
		t.Errorf("the session did not go on: %v", err)
	}
}

func conformUnbind(t *testing.T, p peer) {
	s, ended := boundSession(t, p, session.Options{})
	if err := s.Unbind(ctx(t)); err != nil {
		t.Error(err)
	}
	if err := next(t, ended); !errors.Is(err, session.ErrUnbound) {
		t.Errorf("ended with %v", err)
	}
}

func conformUnbound(t *testing.T, p peer) {
	_, ended := boundSession(t, p, session.Options{})
	p.Unbind(t)
	if err := next(t, ended); !errors.Is(err, session.ErrUnbound) {
		t.Errorf("ended with %v", err)
	}
}

// simulator is smpp/smsc as a peer.
type simulator struct {
	*smsc.Server
	closed sync.Once
}

func startSimulator(t *testing.T) *simulator {
	srv, err := smsc.Start(smsc.Config{Accounts: map[string]string{"acc": "secret"}, EnquireLink: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s := &simulator{Server: srv}
	t.Cleanup(func() { s.Unbind(t) })
	return s
}

func (s *simulator) Received(t *testing.T, to string) (string, int) {
	t.Helper()
	m, err := s.Wait(ctx(t), to)
	if err != nil {
		t.Fatal(err)
	}
	return m.Text, len(m.MessageIDs)
}

func (s *simulator) Unbind(t *testing.T) {
	s.closed.Do(func() {
		if err := s.Close(ctx(t)); err != nil {
			t.Errorf("closing the simulator: %v", err)
		}
	})
}

// nodeSMSC is testdata/smsc.js as a peer.
type nodeSMSC struct {
	addr  string
	stdin io.Writer
	parts chan nodePart
}

// nodePart is a line that it prints for a submit_sm: the text is as node decoded it.
type nodePart struct {
	To, Text      string
	Number, Total int
}

// nodeModules installs the npm package where the test run ends with it; the test is skipped where that cannot
// be done.
func nodeModules(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("installs an npm package: run without -short")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("there is no node: install Node.js with npm to test against the SMSC of the npm package smpp")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("there is no npm: install it beside node to test against the SMSC of the npm package smpp")
	}
	dir := t.TempDir()
	c, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	install := exec.CommandContext(c, npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "--no-save",
		"--fetch-retries=0", "--fetch-timeout=20000", "--cache", filepath.Join(dir, "cache"), "smpp@0.6.0-rc.4")
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install smpp (%v): make an npm registry reachable to test against its SMSC\n%s", err, out)
	}
	return filepath.Join(dir, "node_modules")
}

func startNodeSMSC(t *testing.T, modules string) *nodeSMSC {
	t.Helper()
	cmd := exec.Command("node", filepath.Join("testdata", "smsc.js"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := &nodeSMSC{stdin: stdin, parts: make(chan nodePart, 1000)}
	ports, done := make(chan int, 1), make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var line struct {
				Port int
				nodePart
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Errorf("node says %q", lines.Text())
			}
			switch {
			case line.Port > 0:
				ports <- line.Port
			case line.To != "":
				n.parts <- line.nodePart
			}
		}
	}()
	t.Cleanup(func() {
		stdin.Close() // it ends by that
		<-done
		_ = cmd.Wait()
	})
	n.addr = fmt.Sprintf("127.0.0.1:%d", next(t, ports))
	return n
}

func (n *nodeSMSC) Addr() string { return n.addr }

func (n *nodeSMSC) Received(t *testing.T, to string) (string, int) {
	t.Helper()
	texts := make(map[int]string)
	for {
		p := next(t, n.parts)
		if p.To != to {
			continue
		}
		texts[p.Number] = p.Text
		if len(texts) < p.Total {
			continue
		}
		var whole strings.Builder
		for i := range p.Total {
			whole.WriteString(texts[i+1])
		}
		return whole.String(), p.Total
	}
}

func (n *nodeSMSC) Unbind(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(n.stdin, "unbind\n"); err != nil {
		t.Error(err)
	}
}
