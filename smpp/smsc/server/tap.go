package server

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"sync"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	defaultKeepPDUs = 2000
	// maxTapOctets bounds the octets of the PDUs kept.
	maxTapOctets = 16 << 20
)

// PDU is one PDU that went over a connection.
type PDU struct {
	ID       uint64    `json:"id"` // later ones have higher ones
	Time     time.Time `json:"time"`
	Session  string    `json:"session"`
	Account  string    `json:"account,omitempty"` // once it is bound
	Remote   string    `json:"remote"`
	Out      bool      `json:"out"` // from us to the client
	Command  string    `json:"command"`
	Status   string    `json:"status"`
	Sequence uint32    `json:"sequence"`
	Length   int       `json:"length"`
	Fields   []Field   `json:"fields"`
	Raw      []byte    `json:"raw"` // all octets, header included; a password in it is asterisks
}

// PDUFilter chooses PDUs. The zero value chooses all.
type PDUFilter struct {
	Session string
	Command string // submit_sm, ...
	After   uint64 // only those with a higher ID
	Limit   int    // at most so many, the newest; zero: all
}

// tapped is a PDU in the ring. Its octets are in a buffer that is used again.
type tapped struct {
	id  uint64
	at  time.Time
	b   *bind
	out bool
	raw []byte
}

// taps keeps the newest PDUs and hands them to who listens.
type taps struct {
	mu     sync.Mutex // guards all
	ring   []tapped   // in use from start on
	start  int
	n      int
	octets int
	last   uint64
	subs   map[chan PDU]struct{}
}

func newTaps(keep int) *taps {
	return &taps{ring: make([]tapped, keep), subs: make(map[chan PDU]struct{})}
}

// add takes a PDU. It keeps a copy.
func (t *taps) add(b *bind, out bool, raw []byte) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	if len(t.ring) > 0 {
		if t.n == len(t.ring) {
			t.drop()
		}
		e := &t.ring[(t.start+t.n)%len(t.ring)]
		if cap(e.raw) > 4096 {
			e.raw = nil // do not keep the room of a long one
		}
		*e = tapped{t.last, now, b, out, append(e.raw[:0], raw...)}
		hidePassword(e.raw)
		t.n++
		for t.octets += len(raw); t.octets > maxTapOctets && t.n > 1; {
			t.drop()
		}
	}
	if len(t.subs) == 0 && !b.srv.events.wantsPDUs() {
		return
	}
	cp := bytes.Clone(raw)
	hidePassword(cp)
	p := tapped{t.last, now, b, out, cp}.pdu()
	for ch := range t.subs {
		select {
		case ch <- p:
		default:
		}
	}
	b.srv.events.publish(TopicPDU, func() any { return p })
}

// drop takes the oldest out. The caller holds mu.
func (t *taps) drop() {
	t.octets -= len(t.ring[t.start].raw)
	t.start = (t.start + 1) % len(t.ring)
	t.n--
}

// pdu decodes a PDU that was kept.
func (e tapped) pdu() PDU {
	h := headerOf(e.raw)
	p := PDU{
		ID: e.id, Time: e.at, Session: e.b.id, Remote: e.b.remote, Out: e.out, Command: commandName(h.Command),
		Status: h.Status.Name(), Sequence: h.Sequence, Length: len(e.raw), Fields: Dissect(e.raw), Raw: e.raw,
	}
	if acc := e.b.bound.Load(); acc != nil {
		p.Account = acc.name
	}
	return p
}

// headerOf reads the header of a PDU, as far as it goes.
func headerOf(raw []byte) wire.Header {
	var h [wire.HeaderLen]byte
	copy(h[:], raw)
	return wire.Header{
		Command:  wire.Command(binary.BigEndian.Uint32(h[4:])),
		Status:   wire.Status(binary.BigEndian.Uint32(h[8:])),
		Sequence: binary.BigEndian.Uint32(h[12:]),
	}
}

// hidePassword overwrites the password of a bind or outbind.
func hidePassword(raw []byte) {
	if len(raw) <= wire.HeaderLen {
		return
	}
	switch headerOf(raw).Command {
	case wire.BindTransmitter, wire.BindReceiver, wire.BindTransceiver, wire.Outbind:
	default:
		return
	}
	body := raw[wire.HeaderLen:]
	i := bytes.IndexByte(body, 0)
	if i < 0 {
		return
	}
	for i++; i < len(body) && body[i] != 0; i++ {
		body[i] = '*'
	}
}

// PDUs returns the PDUs kept (Config.KeepPDUs), the oldest first.
func (s *Server) PDUs(f PDUFilter) []PDU {
	t := s.taps
	t.mu.Lock()
	var chosen []tapped
	for i := t.n - 1; i >= 0 && (f.Limit <= 0 || len(chosen) < f.Limit); i-- {
		e := t.ring[(t.start+i)%len(t.ring)]
		if e.id <= f.After {
			break
		}
		if f.Session != "" && e.b.id != f.Session || f.Command != "" && commandName(headerOf(e.raw).Command) != f.Command {
			continue
		}
		e.raw = bytes.Clone(e.raw)
		chosen = append(chosen, e)
	}
	t.mu.Unlock()
	out := make([]PDU, len(chosen))
	for i, e := range chosen {
		out[len(chosen)-1-i] = e.pdu()
	}
	return out
}

// TapPDUs returns a channel of the PDUs from now on with room for so many; those that do not fit are dropped, which
// their IDs show. The caller calls stop when it has seen enough, which closes the channel.
func (s *Server) TapPDUs(room int) (pdus <-chan PDU, stop func()) {
	ch := make(chan PDU, max(room, 1))
	t := s.taps
	t.mu.Lock()
	defer t.mu.Unlock()
	t.subs[ch] = struct{}{}
	return ch, sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.subs, ch)
		close(ch)
	})
}

// clear forgets the PDUs kept.
func (t *taps) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.start, t.n, t.octets = 0, 0, 0
}

func sessionID(n uint64) string { return "s" + strconv.FormatUint(n, 10) }
