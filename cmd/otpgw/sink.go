package main

import (
	"context"

	"otpgw/dlr"
	"otpgw/smpp/link"
)

// sink is the adapter between what links learn and what dlr keeps: the one place that knows both.
type sink struct {
	tracker *dlr.Tracker
	rules   map[string]dlr.Rule // by link
}

func entryOf(ref, id, to string, part, parts int) dlr.Entry {
	return dlr.Entry{OtpID: ref, MessageID: id, To: to, Part: part, Parts: parts}
}

func (s *sink) Accepted(ctx context.Context, a link.Accepted) error {
	return s.tracker.Accepted(ctx, a.Link, a.MessageID, entryOf(a.Message.Ref, a.Message.ID, a.Message.To, a.Part, a.Parts))
}

func (s *sink) Refused(ctx context.Context, r link.Refused) error {
	return s.tracker.Refused(ctx, r.Link, uint32(r.Status), entryOf(r.Message.Ref, r.Message.ID, r.Message.To, r.Part, r.Parts))
}

func (s *sink) Deliver(ctx context.Context, in link.Incoming) error {
	return s.tracker.Receipt(ctx, dlr.Incoming{
		Link: in.Link, Rule: s.rules[in.Link], Receipt: in.Receipt, Text: in.Text, TLVs: in.TLVs,
		Addresses: []string{in.From, in.To}, Received: in.Received,
	})
}
