package server

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/smsc/conform"
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
	// From and To are its addresses, of a response those of its request, when that is kept too.
	From      string  `json:"from,omitempty"`
	To        string  `json:"to,omitempty"`
	MessageID string  `json:"messageId,omitempty"`
	Text      string  `json:"text,omitempty"`   // of its short_message or message_payload
	Breach    string  `json:"breach,omitempty"` // what a strict server refuses it for
	Fields    []Field `json:"fields"`
	Raw       []byte  `json:"raw"` // all octets, header included; a password in it is asterisks
}

// PDUFilter chooses PDUs. The zero value chooses all.
type PDUFilter struct {
	Session string
	Command string // submit_sm, ...
	After   uint64 // only those with a higher ID
	Number  string // in one of its addresses, of a response in its request's
	Query   string // in one of its addresses, or its message id, in upper or lower case
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
		wire.HidePasswords(e.raw, '*')
		t.n++
		for t.octets += len(raw); t.octets > maxTapOctets && t.n > 1; {
			t.drop()
		}
	}
	if len(t.subs) == 0 && !b.srv.events.wantsPDUs() {
		return
	}
	cp := bytes.Clone(raw)
	wire.HidePasswords(cp, '*')
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
		ID: e.id, Time: e.at, Session: e.b.id, Remote: e.b.remote, Out: e.out, Command: h.Command.String(),
		Status: h.Status.Name(), Sequence: h.Sequence, Length: len(e.raw), Fields: dissect(e.raw, e.b.srv.cfg.Alphabet), Raw: e.raw,
	}
	if acc := e.b.bound.Load(); acc != nil {
		p.Account = acc.name
	}
	p.summarize()
	if !e.out && len(e.raw) > wire.HeaderLen {
		if breach := conform.Check(wire.Frame{Header: h, Body: e.raw[wire.HeaderLen:]}, e.at); breach != nil {
			p.Breach = breach.Error()
		}
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

// PDUs returns the PDUs kept (Config.KeepPDUs), the oldest first.
func (s *Server) PDUs(f PDUFilter) []PDU {
	all := f.Number != "" || f.Query != "" // a response is found by its request, so all are decoded
	kept := s.taps.choose(f, all)
	out := make([]PDU, len(kept))
	for i, e := range kept {
		out[len(kept)-1-i] = e.pdu()
	}
	pair(out)
	if !all {
		return out
	}
	out = slices.DeleteFunc(out, func(p PDU) bool { return !f.fits(p) })
	if f.Limit > 0 && len(out) > f.Limit {
		out = out[len(out)-f.Limit:]
	}
	return out
}

// choose copies what is kept, the newest first: by session, age and, unless all are wanted, command and
// limit.
func (t *taps) choose(f PDUFilter, all bool) (chosen []tapped) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := t.n - 1; i >= 0 && (all || f.Limit <= 0 || len(chosen) < f.Limit); i-- {
		e := t.ring[(t.start+i)%len(t.ring)]
		if !all && e.id <= f.After {
			break
		}
		if f.Session != "" && e.b.id != f.Session || !all && f.Command != "" && headerOf(e.raw).Command.String() != f.Command {
			continue
		}
		e.raw = bytes.Clone(e.raw)
		chosen = append(chosen, e)
	}
	return chosen
}

// fits is the part of a filter that wants a PDU decoded.
func (f *PDUFilter) fits(p PDU) bool {
	number, query := behave.Number(f.Number), strings.ToLower(behave.Number(f.Query))
	from, to := behave.Number(p.From), behave.Number(p.To)
	return p.ID > f.After && (f.Command == "" || f.Command == p.Command) &&
		(number == "" || strings.EqualFold(from, number) || strings.EqualFold(to, number)) &&
		(query == "" || strings.Contains(strings.ToLower(from), query) || strings.Contains(strings.ToLower(to), query) ||
			strings.EqualFold(p.MessageID, query))
}

// pair gives responses the addresses of their requests, and requests the message id that they were answered.
func pair(list []PDU) {
	type key struct {
		session  string
		out      bool
		sequence uint32
	}
	requests := make(map[key]*PDU)
	for i := range list {
		p := &list[i]
		if !strings.HasSuffix(p.Command, "_resp") && p.Command != "generic_nack" {
			requests[key{p.Session, p.Out, p.Sequence}] = p
			continue
		}
		if r := requests[key{p.Session, !p.Out, p.Sequence}]; r != nil {
			p.From, p.To, p.MessageID = r.From, r.To, cmp.Or(p.MessageID, r.MessageID)
			r.MessageID = p.MessageID
		}
	}
}

// summarize takes out of the fields what a list shows.
func (p *PDU) summarize() {
	for _, f := range p.Fields {
		switch f.Name {
		case "source_addr":
			p.From = cmp.Or(f.Meaning, f.Value)
		case "destination_addr":
			if p.To == "" {
				p.To = cmp.Or(f.Meaning, f.Value)
			}
		case "message_id", "receipted_message_id":
			p.MessageID = cmp.Or(p.MessageID, f.Value)
		case "short_message", "message_payload":
			p.Text = cmp.Or(p.Text, f.Meaning)
		}
	}
}

// TapPDUs returns a channel of the PDUs from now on with room for so many; those that do not fit are dropped,
// which their IDs show. The caller calls stop when it has seen enough, which closes the channel.
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
