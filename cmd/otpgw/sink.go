package main

import (
	"context"

	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/mo"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/link"
)

// sink is the adapter between what links learn and what dlr keeps: the one place that knows both.
type sink struct {
	tracker *dlr.Tracker
	link    func(name string) link.Config
	inbox   *mo.Inbox
}

func entryOf(m *queue.Outbound, part, parts int) dlr.Entry {
	return dlr.Entry{OtpID: m.Ref, MessageID: m.ID, To: m.To, From: m.From, Part: part, Parts: parts}
}

func (s *sink) Accepted(ctx context.Context, a link.Accepted) error {
	return s.tracker.Accepted(ctx, a.Link, a.MessageID, entryOf(a.Message, a.Part, a.Parts))
}

func (s *sink) Refused(ctx context.Context, r link.Refused) error {
	return s.tracker.Refused(ctx, r.Link, entryOf(r.Message, r.Part, r.Parts), uint32(r.Status))
}

// Deliver gives receipts to the tracker, and what handsets write to the inbox.
func (s *sink) Deliver(ctx context.Context, in link.Incoming) error {
	if !in.Receipt {
		return s.inbox.Take(ctx, mo.Message{Link: in.Link, From: in.From, To: in.To, Text: in.Text, Received: in.Received,
			Reference: in.Reference, Part: in.Part, Parts: in.Parts})
	}
	cfg := s.link(in.Link)
	return s.tracker.Receipt(ctx, dlr.Incoming{
		Link: in.Link, Rule: dlr.Rule(cfg.MessageID), Text: in.Text, TLVs: in.TLVs, From: in.From, To: in.To, Received: in.Received,
		AnyNumber: cfg.ReceiptNumber == "any", Parts: dlr.PartReceipts(cfg.PartReceipts),
	})
}
