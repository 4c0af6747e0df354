package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
)

// receiptPoll is how often `otpgw send` asks for receipts.
const receiptPoll = 200 * time.Millisecond

// sendCommand sends one test message through a running gateway, and says what came back.
func sendCommand(flags *flag.FlagSet) func(context.Context, cli) int {
	var asked operator.SampleRequest
	flags.StringVar(&asked.To, "to", "", "")
	flags.StringVar(&asked.Link, "link", "", "")
	flags.StringVar(&asked.Route, "route", "", "")
	flags.StringVar(&asked.From, "from", "", "")
	flags.StringVar(&asked.Text, "text", "", "")
	wait := flags.Duration("wait", 30*time.Second, "")
	return func(ctx context.Context, c cli) int {
		if asked.To == "" || asked.Link != "" && asked.Route != "" {
			fmt.Fprintln(c.stderr, "otpgw send: -to is a telephone number like +359888123456; and -link or -route, not both")
			return exitUsage
		}
		at, err := c.adminPort()
		if err != nil {
			return complain(c.stderr, err)
		}
		if err := c.sendSample(ctx, at, asked, *wait); err != nil {
			fmt.Fprintf(c.stderr, "otpgw send: %v\n", err)
			return exitFailed
		}
		return exitOK
	}
}

// sendSample is an error unless the message was taken and, where receipts are waited for, delivered.
func (c cli) sendSample(ctx context.Context, at adminClient, asked operator.SampleRequest, wait time.Duration) error {
	body, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	s, err := askSample(ctx, at, http.MethodPost, "/send", body)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "link %s, from %s\n", s.Link, s.From)
	taken := true
	for _, p := range s.Parts {
		what := p.Status + p.Error
		if taken = taken && p.Taken; p.Taken {
			what += ", message id " + p.MessageID
		}
		fmt.Fprintf(c.stdout, "part %d: %s, after %.3f s\n", p.Part, what, p.Seconds)
	}
	if !taken {
		return errors.New("the carrier did not take the message")
	}
	if wait <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return c.awaitReceipts(ctx, at, s)
}

// awaitReceipts shows the receipts as they come, until each part has its last. Some carriers send one for all
// parts.
func (c cli) awaitReceipts(ctx context.Context, at adminClient, s operator.Sample) error {
	final, delivered, shown := 0, 0, 0
	for {
		now, err := askSample(ctx, at, http.MethodGet, "/send/"+url.PathEscape(s.ID), nil)
		if err != nil && ctx.Err() == nil {
			return err
		}
		for _, r := range now.Receipts[min(shown, len(now.Receipts)):] {
			shown++
			code := ""
			if r.Code != nil {
				code = fmt.Sprintf(", code %d", *r.Code)
			}
			fmt.Fprintf(c.stdout, "receipt of part %d: %s%s, %.1f s after the answer\n", r.Part, r.State, code, r.Seconds)
			if r.Final {
				final++
			}
			if r.Delivered {
				delivered++
			}
		}
		switch {
		case delivered < final:
			return errors.New("the message was not delivered")
		case final >= len(s.Parts), final > 0 && ctx.Err() != nil:
			return nil
		case ctx.Err() != nil:
			return errors.New("the carrier took the message, and no receipt came in time (-wait); ask it whether the account gets receipts, " +
				"and look at RECEIPTS and MESSAGE_ID of the link; where several daemons run, it may have come to another")
		}
		select {
		case <-ctx.Done():
		case <-time.After(receiptPoll):
		}
	}
}

func askSample(ctx context.Context, at adminClient, method, path string, body []byte) (s operator.Sample, err error) {
	status, answer, err := at.send(ctx, method, path, body)
	if err != nil {
		return s, fmt.Errorf("%w; OTPGW_ADMIN_ADDR says where the gateway is", err)
	}
	if status != http.StatusOK {
		return s, refusal(status, answer)
	}
	return s, json.Unmarshal(answer, &s)
}
