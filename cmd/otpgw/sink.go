package main

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/cmd/otpgw/tracing"
	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/cdr"
	"github.com/otpgw/otpgw/dlr/mo"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/funnel"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/score"
)

// sink is the adapter between what links learn and what dlr keeps: the one place that knows both.
type sink struct {
	tracker *dlr.Tracker
	service *otp.Service
	funnel  *funnel.Funnel
	tracer  *tracing.Tracer
	link    func(name string) link.Config
	inbox   *mo.Inbox
	scores  *score.Board
	cdr     *cdr.Writer
	price   func(e164, network string) float64
	log     zerolog.Logger
}

func entryOf(m *queue.Outbound, part, parts int) dlr.Entry {
	return dlr.Entry{OtpID: m.Ref, MessageID: m.ID, To: m.To, From: m.From, Part: part, Parts: parts}
}

func (s *sink) Accepted(ctx context.Context, a link.Accepted) error {
	s.record(a)
	if err := s.tracker.Accepted(ctx, a.Link, a.MessageID, s.entryOfPart(a)); err != nil {
		return err
	}
	s.accepted(a)
	return nil
}

func (s *sink) entryOfPart(a link.Accepted) dlr.Entry {
	e := entryOf(a.Message, a.Part, a.Parts)
	e.Keep = s.service.KnownFor(a.Message.Expires)
	return e
}

// record writes a part down for billing, before its id is stored: what is stored is not told again by the
// carrier, nor by the queue.
func (s *sink) record(a link.Accepted) {
	if a.Again {
		return
	}
	p := s.part(a.Link, a.Message, a.Part, a.Parts, latency(a))
	p.CarrierID, p.Status, p.Price = a.MessageID, cdr.Accepted, s.price(a.Message.To, a.Message.Network)
	s.cdr.Part(p)
}

// latency is milliseconds from the request to the carrier's answer.
func latency(a link.Accepted) int64 {
	return max(a.Sent.Add(a.Took).Sub(a.Message.Created).Milliseconds(), 0)
}

// accepted tells of a part whose id is stored.
func (s *sink) accepted(a link.Accepted) {
	s.log.Info().Str("otp", a.Message.Ref).Str("msg", a.Message.ID).Str("link", a.Link).Str("message_id", a.MessageID).
		Int("part", a.Part).Int64("took", latency(a)).Msg("sent")
	s.tracer.Submitted(a.Message, tracing.Submit{Link: a.Link, ID: a.MessageID, Part: a.Part, Parts: a.Parts, Sent: a.Sent, Took: a.Took})
}

func (s *sink) HandedOver(tx *queue.Tx, h link.HandedOver) (stored func()) {
	ids := make([]dlr.Given, len(h.Parts))
	for i, a := range h.Parts {
		s.record(a)
		ids[i] = dlr.Given{MessageID: a.MessageID, Entry: s.entryOfPart(a)}
	}
	added := s.tracker.AddAccepted(tx, h.Link, ids)
	s.service.HandedOver(tx, otp.HandedOver{MessageID: h.Message.ID, Link: h.Link, Expires: h.Message.Expires,
		Sent: h.Sent, Took: h.Took, IDs: h.IDs})
	return func() {
		added()
		for _, a := range h.Parts {
			s.accepted(a)
		}
		if h.Message.Ref != "" { // else it is a reply to a handset
			s.scores.Sent(h.Link, h.Message.Country)
		}
		if otp.IsFirst(h.Message.Ref, h.Message.ID) {
			s.funnel.Count(funnel.Event{Stage: funnel.Handed, Asked: h.Message.Created, Link: h.Link})
		}
	}
}

func (s *sink) Refused(ctx context.Context, r link.Refused) error {
	took := max(s.service.Clock().Sub(r.Message.Created).Milliseconds(), 0)
	p := s.part(r.Link, r.Message, r.Part, r.Parts, took)
	p.Status, p.Code = cdr.Refused, uint32(r.Status)
	s.cdr.Part(p)
	s.log.Info().Str("otp", r.Message.Ref).Str("msg", r.Message.ID).Str("link", r.Link).Stringer("status", r.Status).
		Dur("took", time.Duration(took)*time.Millisecond).Msg("refused")
	s.tracer.Submitted(r.Message, tracing.Submit{Link: r.Link, Part: r.Part, Parts: r.Parts, Sent: time.Now(), Fault: r.Status.String()})
	return s.tracker.Refused(ctx, r.Link, entryOf(r.Message, r.Part, r.Parts), uint32(r.Status), r.Silent())
}

func (s *sink) Past(ctx context.Context, m *queue.Outbound) (link.Past, error) {
	state, err := s.service.Sending(ctx, m.Ref, m.ID)
	return link.Past(state), err
}

// Unanswered has the receipts of the try found before it counts it: one may have come already.
func (s *sink) Unanswered(ctx context.Context, u link.Unanswered) (link.Past, error) {
	heard, err := s.tracker.Unanswered(ctx, dlr.Try{Link: u.Link, Entry: entryOf(u.Message, 0, u.Of), Parts: u.Parts, Sent: u.Sent, Until: u.Message.Expires})
	if err != nil {
		return link.Past{}, err
	}
	if len(u.Parts) > 0 {
		s.log.Info().Str("otp", u.Message.Ref).Str("msg", u.Message.ID).Str("link", u.Link).Bool("dropped", u.Dropped).Msg("not answered")
		s.tracer.Submitted(u.Message, tracing.Submit{Link: u.Link, Part: u.Parts[0], Parts: u.Of, Sent: u.Sent, Took: time.Since(u.Sent), Fault: "no answer"})
	}
	state, err := s.service.Unanswered(ctx, try(u))
	state.Over = state.Over || heard
	return link.Past(state), err
}

// inherited has receipts found that came, or come, of a message with which another process may have ended:
// from when it was made on.
func (s *sink) inherited(ctx context.Context, i link.Inherited) (heard bool, err error) {
	parts := make([]int, i.Parts)
	for n := range parts {
		parts[n] = n + 1
	}
	for _, name := range i.Links {
		one, err := s.tracker.Unanswered(ctx, dlr.Try{Link: name, Entry: entryOf(i.Message, 0, i.Parts), Parts: parts,
			Sent: i.Message.Created, Until: i.Message.Expires})
		if err != nil {
			return false, err
		}
		heard = heard || one
	}
	return heard, nil
}

func (s *sink) Answered(ctx context.Context, u link.Unanswered) error {
	return s.service.Answered(ctx, try(u))
}

func try(u link.Unanswered) otp.Try {
	return otp.Try{OtpID: u.Message.Ref, MessageID: u.Message.ID, Link: u.Link, At: u.Sent, Dropped: u.Dropped, Ahead: len(u.Parts) == 0}
}

// part is what the records for billing say of a part in any case.
func (s *sink) part(link string, m *queue.Outbound, part, parts int, latency int64) cdr.Part {
	return cdr.Part{OtpID: m.Ref, MessageID: m.ID, App: m.App, Link: link, Route: m.Route, From: m.From, To: m.To, Part: part, Parts: parts,
		Latency: &latency}
}

// Deliver gives receipts to the tracker, and what handsets write to the inbox.
func (s *sink) Deliver(ctx context.Context, in link.Incoming) error {
	if !in.Receipt {
		return s.inbox.Take(ctx, mo.Message{Link: in.Link, From: in.From, To: in.To, Text: in.Text, Received: in.Received,
			Reference: in.Reference, Part: in.Part, Parts: in.Parts})
	}
	cfg := s.link(in.Link)
	return s.tracker.Receipt(ctx, dlr.Incoming{
		Link: in.Link, Rule: dlr.IDMatch(cfg.MessageID), Text: in.Text, TLVs: in.TLVs, From: in.From, To: in.To, Received: in.Received,
		AnyNumber: cfg.ReceiptNumber == "any", Parts: dlr.PartReceipts(cfg.PartReceipts),
	})
}
