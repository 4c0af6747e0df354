package server

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// MO is a message from a handset, for a client (SMPP calls it mobile originated).
type MO struct {
	// Account is for whom it is; empty: the account with a bind whose address_range has To, or one that can
	// receive.
	Account string    `json:"account,omitempty"`
	From    string    `json:"from"` // the handset
	To      string    `json:"to"`   // the number or short code it is sent to
	Text    string    `json:"text"`
	Long    text.Long `json:"long,omitempty"`   // how it goes when it is long: udh8 (the default), udh16, sar, payload
	DataSM  bool      `json:"dataSm,omitempty"` // by data_sm
}

// MOResult is what became of a message from a handset.
type MOResult struct {
	ID      string        `json:"id"` // of the message in the list
	Account string        `json:"account"`
	Parts   int           `json:"parts"`
	Status  ReceiptStatus `json:"status"` // answered, failed, or queued: no bind can receive, so it is held for one
	Answer  string        `json:"answer,omitempty"`
}

// ErrNoReceiver is an MO for nobody: it names no account, and none has bound.
var ErrNoReceiver = errors.New("smsc: no account is there to receive it: name one, or let one bind")

// moRef numbers the long messages from handsets.
var moRef atomic.Uint32

// InjectMO sends a message to a client by deliver_sm or data_sm, and waits until all its parts were answered,
// or ctx ends. When no bind can receive it is held for one, and InjectMO returns at once. Errors:
// *FieldError, ErrNoReceiver, ctx's.
func (s *Server) InjectMO(ctx context.Context, mo MO) (MOResult, error) {
	if err := mo.validate(); err != nil {
		return MOResult{}, err
	}
	acc := s.accounts.receiver(behave.Number(mo.To))
	if mo.Account != "" {
		if acc = s.accounts.find(mo.Account); acc == nil {
			return MOResult{}, behave.Wrong("account", "%q has not bound, and is not configured", mo.Account)
		}
	}
	if acc == nil {
		return MOResult{}, ErrNoReceiver
	}
	if acc.old.Load() > 0 { // SMPP 3.3 has neither optional parameters nor data_sm
		mo.Long, mo.DataSM = text.LongUDH8, false
	}
	parts, err := mo.split()
	if err != nil {
		return MOResult{}, err
	}
	r, settled := s.newMO(acc, mo, parts)
	res := MOResult{ID: r.idString(), Account: acc.name, Parts: len(parts), Status: ReceiptQueued}
	if acc.receivers.Load() == 0 {
		return res, nil
	}
	for range parts {
		select {
		case <-settled:
		case <-ctx.Done():
			return res, context.Cause(ctx)
		case <-s.ctx.Done():
			return res, ErrClosed
		}
	}
	res.Status = ReceiptAnswered
	for _, sub := range r.subs {
		for _, info := range sub.infos(nil) {
			if info.Status != ReceiptAnswered {
				res.Status, res.Answer = info.Status, info.Answer
			}
		}
	}
	return res, nil
}

func (mo MO) validate() error {
	switch {
	case behave.Number(mo.From) == "" || len(mo.From) > 20 || strings.ContainsRune(mo.From, 0):
		return behave.Wrong("from", "is empty, longer than 20 characters, or has a NUL")
	case behave.Number(mo.To) == "" || len(mo.To) > 20 || strings.ContainsRune(mo.To, 0):
		return behave.Wrong("to", "is empty, longer than 20 characters, or has a NUL")
	}
	return nil
}

func (mo MO) split() ([]text.Part, error) {
	parts, _, err := text.Split(mo.Text, uint16(moRef.Add(1)), text.Options{Long: mo.Long})
	switch {
	case errors.Is(err, text.ErrOptions):
		return nil, behave.Wrong("long", "%q is none of udh8, udh16, sar, payload", mo.Long)
	case err != nil:
		return nil, behave.Wrong("text", "%v", err)
	}
	return parts, nil
}

// newMO keeps the message and puts its parts in the outbox. settled gets a token for each part that is done
// with.
func (s *Server) newMO(acc *account, mo MO, parts []text.Part) (*record, <-chan struct{}) {
	settled := make(chan struct{}, len(parts))
	now := time.Now()
	r := &record{id: s.lastID.Add(1), msg: Message{
		Direction: MobileOriginated, Time: now, Account: acc.name, From: mo.From, To: mo.To, Text: mo.Text,
		Encoding: text.EncodingOf(parts[0].DataCoding, ""), DataCoding: parts[0].DataCoding, Parts: len(parts),
	}}
	var ds []*delivery
	for _, p := range parts {
		m := &wire.Message{
			Source: moAddress(mo.From), Dest: moAddress(mo.To), ESMClass: p.ESMClass, DataCoding: p.DataCoding,
			ShortMessage: p.ShortMessage, TLVs: p.TLVs,
		}
		command := wire.DeliverSM
		if mo.DataSM {
			command = wire.DataSM
			if len(m.ShortMessage) > 0 { // data_sm has no short_message
				m.TLVs = append(m.TLVs, wire.TLV{Tag: wire.TagMessagePayload, Value: m.ShortMessage})
				m.ShortMessage = nil
			}
		}
		sub := &submission{at: now, source: m.Source, dest: m.Dest}
		sub.record.Store(r)
		d := s.newDelivery(acc, sub, behave.Receipt{DataSM: mo.DataSM})
		d.message, d.settled = m, settled
		if raw, err := m.Encode(wire.Header{Command: command}); err == nil {
			r.frames = append(r.frames, wire.Frame{Header: wire.Header{Command: command}, Body: raw[wire.HeaderLen:]})
		}
		r.subs = append(r.subs, sub)
		ds = append(ds, d)
	}
	s.store.add(r)
	s.events.message(r)
	startAll(ds)
	return r, settled
}

// moAddress is an address as a network gives it: a number of four digits or more is international, unless it
// is short.
func moAddress(s string) wire.Address {
	n := behave.Number(s)
	switch {
	case strings.Trim(n, "0123456789") != "":
		return wire.Address{TON: text.TONAlphanumeric, NPI: text.NPIUnknown, Addr: s}
	case len(n) < behave.MinNumber:
		return wire.Address{TON: text.TONNetworkSpecific, NPI: text.NPIUnknown, Addr: n}
	}
	return wire.Address{TON: text.TONInternational, NPI: text.NPIISDN, Addr: n}
}
