package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/receipt"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/link"
)

// sink is the adapter between what links learn and what dlr keeps: the one place that knows both.
type sink struct {
	tracker *dlr.Tracker
	rules   map[string]dlr.Rule // by link

	fromHandsets prometheus.Counter
}

func entryOf(m *queue.Outbound, part, parts int) dlr.Entry {
	return dlr.Entry{OtpID: m.Ref, MessageID: m.ID, To: m.To, Part: part, Parts: parts}
}

func (s *sink) Accepted(ctx context.Context, a link.Accepted) error {
	return s.tracker.Accepted(ctx, a.Link, a.MessageID, entryOf(a.Message, a.Part, a.Parts))
}

func (s *sink) Refused(ctx context.Context, r link.Refused) error {
	return s.tracker.Refused(ctx, r.Link, entryOf(r.Message, r.Part, r.Parts), uint32(r.Status))
}

// Deliver gives receipts to the tracker. What is none, by its esm_class and by its text, is a message from a handset:
// nobody is there to read it, so it is counted and answered OK.
func (s *sink) Deliver(ctx context.Context, in link.Incoming) error {
	if !in.Receipt {
		if _, ok := receipt.Parse(in.Text, in.TLVs); !ok {
			s.fromHandsets.Inc()
			return nil
		}
	}
	return s.tracker.Receipt(ctx, dlr.Incoming{
		Link: in.Link, Rule: s.rules[in.Link], Text: in.Text, TLVs: in.TLVs, From: in.From, To: in.To, Received: in.Received,
	})
}
