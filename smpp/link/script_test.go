package link_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/wire"
)

// carrier is an SMSC that does what a test's script says: it takes binds, answers enquire_link and unbind,
// and gives every other PDU to the script, which writes octets.
type carrier struct {
	ln    net.Listener
	binds chan *script
	wg    sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

// script is one bind at the carrier.
type script struct {
	t       testing.TB
	c       net.Conn
	bind    wire.Command
	submits chan wire.Frame
	answers chan wire.Frame // responses of the link
	gone    chan struct{}
}

func newCarrier(t testing.TB) *carrier {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &carrier{ln: ln, binds: make(chan *script, 100)}
	c.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.conns = append(c.conns, conn)
			c.mu.Unlock()
			c.wg.Go(func() { c.serve(t, conn) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		c.mu.Lock()
		for _, conn := range c.conns {
			conn.Close()
		}
		c.mu.Unlock()
		c.wg.Wait()
	})
	return c
}

// serve reads until the connection ends.
func (c *carrier) serve(t testing.TB, conn net.Conn) {
	s := &script{t: t, c: conn, submits: make(chan wire.Frame, 100), answers: make(chan wire.Frame, 100), gone: make(chan struct{})}
	defer close(s.gone)
	r := bufio.NewReader(conn)
	for {
		f, err := wire.ReadFrame(r)
		if err != nil {
			return
		}
		switch f.Command {
		case wire.BindTransceiver, wire.BindTransmitter, wire.BindReceiver:
			s.bind = f.Command
			_, _ = conn.Write(pdu(f.Command|wire.ResponseBit, 0, f.Sequence, []byte("smsc\x00")))
			c.binds <- s
		case wire.EnquireLink:
			_, _ = conn.Write(pdu(wire.EnquireLinkResp, 0, f.Sequence))
		case wire.Unbind:
			_, _ = conn.Write(pdu(wire.UnbindResp, 0, f.Sequence))
		case wire.SubmitSM:
			s.submits <- f
		default:
			s.answers <- f
		}
	}
}

// config is a link to the carrier.
func (c *carrier) config(name string, change func(*link.Config)) link.Config {
	cfg := link.Config{Name: name, Addr: c.ln.Addr().String(), SystemID: "acc", Password: "secret", Bind: link.BindTransceiver, Binds: 1,
		Window: 10, EnquireLink: 30 * time.Second, ResponseTimeout: 5 * time.Second, TimeoutResends: 1, Routes: []link.Route{{Name: "default"}}}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// pdu is a PDU of octets (SMPP 3.4, 3.2).
func pdu(cmd wire.Command, st wire.Status, seq uint32, body ...[]byte) []byte {
	all := bytes.Join(body, nil)
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(all)))
	b = binary.BigEndian.AppendUint32(b, uint32(cmd))
	b = binary.BigEndian.AppendUint32(b, uint32(st))
	return append(binary.BigEndian.AppendUint32(b, seq), all...)
}

func tlv(tag uint16, value string) []byte {
	b := binary.BigEndian.AppendUint16(nil, tag)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
}

// deliver is the body of a deliver_sm from a number (SMPP 3.4, 4.6.1); what follows it is behind
// short_message.
func deliver(from string, esm, dataCoding byte, text string, behind ...[]byte) []byte {
	b := append([]byte("\x00\x01\x01"+from+"\x00\x05\x00Verify\x00"), esm, 0, 0, 0, 0, 0, 0, dataCoding, 0, byte(len(text)))
	return append(append(b, text...), bytes.Join(behind, nil)...)
}

// data is the body of a data_sm from a number (4.7.1).
func data(from string, esm byte, tlvs ...[]byte) []byte {
	b := append([]byte("\x00\x01\x01"+from+"\x00\x05\x00Verify\x00"), esm, 0, 0)
	return append(b, bytes.Join(tlvs, nil)...)
}

func (s *script) write(b []byte) {
	s.t.Helper()
	if _, err := s.c.Write(b); err != nil {
		s.t.Error(err)
	}
}

// submit is the next submit_sm, and the number it is for.
func (s *script) submit() (f wire.Frame, to string) {
	s.t.Helper()
	f = next(s.t, s.submits)
	m, err := wire.DecodeMessage(f)
	if err != nil {
		s.t.Fatal(err)
	}
	return f, m.Dest.Addr
}

// take answers a submit_sm with OK and a message id.
func (s *script) take(f wire.Frame, messageID string) {
	s.t.Helper()
	s.write(pdu(wire.SubmitSMResp, 0, f.Sequence, []byte(messageID+"\x00")))
}

const deliverSequence = 7

// send writes a request and wants it answered by its response with OK, under its own sequence number.
func (s *script) send(cmd wire.Command, seq uint32, body []byte) {
	s.t.Helper()
	s.write(pdu(cmd, 0, seq, body))
	if f := next(s.t, s.answers); f.Command != cmd|wire.ResponseBit || f.Status != 0 || f.Sequence != seq {
		s.t.Errorf("%s %#x was answered by %s %#x, %s", cmd, seq, f.Command, f.Sequence, f.Status)
	}
}

// receipt sends a plain delivery receipt and wants it answered OK.
func (s *script) receipt(from, text string) {
	s.t.Helper()
	s.send(wire.DeliverSM, deliverSequence, deliver(from, wire.ESMClassReceipt, 0, text))
}

// refusedBind runs a link to an SMSC that answers the first bind with these octets and hangs up at once,
// until that is the link's status.
func refusedBind(t *testing.T, answer []byte) (l *link.Link, began time.Time) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := wire.ReadFrame(conn); err == nil {
				_, _ = conn.Write(answer)
			}
			conn.Close()
		}
	}()
	r := &rig{t: t, q: queuetest.Open(t), sink: newRecorder()}
	began = time.Now()
	l = r.link(link.Config{Name: "carrier", Addr: ln.Addr().String(), SystemID: "acc", Bind: link.BindTransceiver, Binds: 1, Window: 10,
		EnquireLink: 30 * time.Second, ResponseTimeout: 5 * time.Second, Routes: []link.Route{{Name: queuetest.Route}}})
	r.run(l)
	for limit := time.After(20 * time.Second); l.Status()[0].RetryAt.IsZero(); {
		select {
		case <-limit:
			t.Fatalf("not refused: %+v", l.Status())
		case <-time.After(time.Millisecond):
		}
	}
	return l, began
}
