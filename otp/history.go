package otp

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Way is what an operator is shown of an OTP: what it is, and each step with its time. It has no PIN and no
// text.
type Way struct {
	OtpID    string    `json:"otpId"`
	App      string    `json:"app"`
	TrackID  string    `json:"trackId,omitempty"`
	Number   string    `json:"number"`
	Country  string    `json:"country"`
	From     string    `json:"from"`
	Route    string    `json:"route"`
	Language string    `json:"language,omitempty"`
	Encoding string    `json:"encoding"`
	Parts    int       `json:"parts"`
	Status   Status    `json:"status"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Guesses  int       `json:"guesses"` // wrong ones
	Most     int       `json:"maxAttempts"`
	Link     string    `json:"link,omitempty"` // that carries the message that Delivery is of
	Test     bool      `json:"test,omitempty"` // for a test number: never sent
	Risk     []string  `json:"risk,omitempty"`
	Delivery Delivery  `json:"delivery"`
	Steps    []Step    `json:"steps"` // the oldest first
}

// StepKind says what a step is.
type StepKind string

// The kinds of steps. Who shows a way may add its own.
const (
	StepAsked      StepKind = "asked"
	StepQueued     StepKind = "queued"
	StepSent       StepKind = "sent" // to the carrier, which answered later
	StepAnswered   StepKind = "answered"
	StepUnanswered StepKind = "unanswered"
	StepReceipt    StepKind = "receipt"
	StepRefused    StepKind = "refused"
	StepAssumed    StepKind = "assumed" // a state of the delivery that no carrier told
	StepGuess      StepKind = "guess"   // a wrong one
	StepEnded      StepKind = "ended"
)

// Step is one of a way.
type Step struct {
	At      time.Time      `json:"at"`
	Kind    StepKind       `json:"step"`
	Message int            `json:"message,omitempty"` // of the OTP's messages, from 1
	Link    string         `json:"link,omitempty"`
	IDs     []string       `json:"messageIds,omitempty"` // the carrier's, of the parts
	Part    int            `json:"part,omitempty"`       // from 1; none: the whole message
	State   DeliveryStatus `json:"state,omitempty"`      // of the delivery
	Code    *int           `json:"code,omitempty"`
	Said    string         `json:"said,omitempty"` // the carrier's word, where it is not the usual one
	Status  Status         `json:"status,omitempty"`
	ByTimer bool           `json:"byTimer,omitempty"` // sent again by itself
	Dropped bool           `json:"dropped,omitempty"` // the carrier hung up before it answered
	Says    string         `json:"says"`              // a sentence, for whoever shows the way to fill in
}

// Way is an OTP's way, of any application. ErrNotFound when its record has gone.
func (s *Service) Way(ctx context.Context, id string) (Way, error) {
	r, _, err := s.load(ctx, id, "")
	if err != nil {
		return Way{}, err
	}
	return s.wayOf(ctx, r)
}

// mostWays is how many OTPs of a number are shown.
const mostWays = 20

// WaysOf are those of a number (E.164), the newest first, of all applications. More: there are older ones. It
// looks through all records, so one question is answered at a time.
func (s *Service) WaysOf(ctx context.Context, number string) (ways []Way, more bool, err error) {
	s.finding.Lock()
	defer s.finding.Unlock()
	page, err := s.newest(ctx, "", Query{Phone: number, PageSize: mostWays}, nil)
	if err != nil {
		return nil, false, storeError(err)
	}
	for _, r := range page[:min(len(page), mostWays)] {
		w, err := s.wayOf(ctx, r)
		if err != nil {
			return nil, false, err
		}
		ways = append(ways, w)
	}
	return ways, len(page) > mostWays, nil
}

// Number is the E.164 form of a number as people write it: with spaces, with 00 or without any +.
func Number(text string) (string, bool) {
	digits := strings.Map(func(c rune) rune {
		switch {
		case c >= '0' && c <= '9':
			return c
		case strings.ContainsRune(" -./()+\u00a0", c):
			return -1
		}
		return 'x'
	}, text)
	digits = strings.TrimPrefix(digits, "00")
	if len(digits) < 5 || len(digits) > 15 || strings.Contains(digits, "x") {
		return "", false
	}
	return "+" + digits, true
}

func (s *Service) wayOf(ctx context.Context, r *Record) (Way, error) {
	now := s.now()
	s.noteTaken(r)
	o, err := s.shownAt(ctx, r, now)
	if err != nil {
		return Way{}, err
	}
	return Way{OtpID: r.ID, App: r.App, TrackID: r.TrackID, Number: r.Phone, Country: r.Country, From: r.From, Route: r.Route, Language: r.Language,
		Encoding: r.Encoding, Parts: r.Parts, Status: r.statusAt(now), Created: r.Created, Expires: r.Expires, Guesses: r.Failed,
		Most: r.MaxAttempts, Link: r.Link, Test: r.Test, Risk: r.Risk, Delivery: o.Delivery, Steps: r.shownSteps(now)}, nil
}

// shownSteps are the steps by their time. An OTP of an older version has but its beginning, and one that
// nobody was to be told of ends by the clock.
func (r *Record) shownSteps(now time.Time) []Step {
	steps, ended := []Step{}, false
	for _, s := range r.steps() {
		steps = append(steps, s.shown(r)...)
		ended = ended || s.Kind == stepEnded
	}
	if len(steps) == 0 || steps[0].Kind != StepAsked {
		steps = append(steps, Step{At: r.Created, Kind: StepAsked})
	}
	if status := r.statusAt(now); status == StatusExpired && !ended {
		steps = append(steps, Step{At: r.Expires, Kind: StepEnded, Status: status})
	}
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(slices.Index(stepOrder, a.Kind), slices.Index(stepOrder, b.Kind)))
	})
	return steps
}

// stepOrder is that of the steps of one millisecond.
var stepOrder = []StepKind{StepAsked, StepQueued, StepSent, StepUnanswered, StepAnswered, StepReceipt, StepRefused, StepAssumed, StepGuess, StepEnded}

// shown is a step as it is told: what took a while is two.
func (s step) shown(r *Record) []Step {
	at := r.Created.Add(time.Duration(s.At) * time.Millisecond)
	one := Step{At: at, Message: s.N + 1, Link: s.Link, Part: s.Part, Code: s.Code, Said: s.Said, ByTimer: s.Self, Dropped: s.Drop}
	switch s.Kind {
	case stepAsked:
		one.Kind = StepQueued
		return []Step{{At: at, Kind: StepAsked}, one}
	case stepAgain:
		one.Kind = StepQueued
	case stepTaken:
		one.Kind = StepSent
		answer := Step{At: at.Add(time.Duration(s.Took) * time.Millisecond), Kind: StepAnswered, Message: s.N + 1, Link: s.Link, IDs: s.IDs}
		return []Step{one, answer}
	case stepUnanswered:
		one.Kind = StepUnanswered
	case stepDelivery:
		one.State, one.ByTimer = statusOf(s.To), false
		switch {
		case s.Self:
			one.Kind = StepAssumed
		case one.State == DeliveryRejected && s.Said == "":
			one.Kind = StepRefused
		default:
			one.Kind = StepReceipt
		}
	case stepWrong:
		one.Kind, one.Message = StepGuess, 0
	case stepEnded:
		one.Kind, one.Message, one.Status = StepEnded, 0, endings[min(max(s.End, 0), len(endings)-1)]
	default:
		return nil // of a newer version
	}
	return []Step{one}
}

// statusOf is the status of a code.
func statusOf(code int) DeliveryStatus {
	for status, facts := range deliveryFacts {
		if facts.code == code {
			return status
		}
	}
	return ""
}
