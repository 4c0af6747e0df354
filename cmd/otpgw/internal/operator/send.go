package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	sampleText    = "This is a test message of otpgw."
	sampleTimeout = 9 * time.Second // of the carrier's answers; the operator's port gives 10
	samplesKept   = 100             // whose receipts are waited for
)

// SampleRequest is a message that an operator tries a link with, as POST /send takes it.
type SampleRequest struct {
	To    string `json:"to"`
	Link  string `json:"link,omitempty"`  // empty: the one that the route would take
	Route string `json:"route,omitempty"` // empty: that of the number
	From  string `json:"from,omitempty"`  // empty: the first application's sender
	Text  string `json:"text,omitempty"`
}

// Sample is what came of it so far.
type Sample struct {
	ID       string          `json:"id"`
	Link     string          `json:"link"`
	Route    string          `json:"route,omitempty"`
	From     string          `json:"from"`
	Parts    []SamplePart    `json:"parts"`
	Receipts []SampleReceipt `json:"receipts"`
}

type SamplePart struct {
	Part      int     `json:"part"`
	MessageID string  `json:"messageId,omitempty"` // the carrier's
	Status    string  `json:"status,omitempty"`
	Seconds   float64 `json:"seconds"`
	Error     string  `json:"error,omitempty"`
	Taken     bool    `json:"taken"`
}

type SampleReceipt struct {
	Part      int     `json:"part"`
	MessageID string  `json:"messageId"`
	State     string  `json:"state"`
	Code      *int    `json:"code,omitempty"`
	Final     bool    `json:"final"`
	Delivered bool    `json:"delivered"`
	Seconds   float64 `json:"seconds"` // since the carrier took it
}

// samples are those whose receipts this daemon waits for.
type samples struct {
	mu   sync.Mutex // guards the rest
	all  map[string]*Sample
	sent []string // ids, the oldest first
}

// newSamples listens to the tracker, beside whoever does already.
func newSamples(tracker *dlr.Tracker) *samples {
	s := &samples{all: make(map[string]*Sample)}
	before := tracker.Matched
	tracker.Matched = func(m dlr.Match) {
		s.receipt(m)
		if before != nil {
			before(m)
		}
	}
	return s
}

func (s *samples) begin(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[id], s.sent = &Sample{ID: id, Parts: []SamplePart{}, Receipts: []SampleReceipt{}}, append(s.sent, id)
	if len(s.sent) > samplesKept {
		delete(s.all, s.sent[0])
		s.sent = s.sent[1:]
	}
}

// change does something with a sample, and returns what it is then; false when there is none.
func (s *samples) change(id string, do func(*Sample)) (Sample, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[id]
	if !ok {
		return Sample{}, false
	}
	do(one)
	now := *one
	now.Parts, now.Receipts = slices.Clone(one.Parts), slices.Clone(one.Receipts)
	return now, true
}

func (s *samples) receipt(m dlr.Match) {
	if m.OtpID != "" {
		return
	}
	s.change(m.MessageID, func(one *Sample) {
		status := dlr.Status(m.State)
		r := SampleReceipt{Part: m.Part, MessageID: m.ID, State: m.State.String(), Code: m.Code, Final: status.Final(), Delivered: status == otp.DeliveryDelivered}
		if !m.At.IsZero() {
			r.Seconds = max(m.Received.Sub(m.At).Seconds(), 0)
		}
		one.Receipts = append(one.Receipts, r)
	})
}

// sendSample answers POST /send when the carrier has answered; GET /send/{id} tells of receipts then. Number
// and text are in the body, for paths are in the audit log.
func (a *Server) sendSample(w http.ResponseWriter, r *http.Request) {
	var asked SampleRequest
	if !readBody(w, r, &asked, `the body is {"to":"+46701234567"}, with link or route, from and text where they are to be others`) {
		return
	}
	l, route, err := a.sampleLink(&asked)
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	id, now := uuid.NewString(), a.Queue.Now()
	a.samples.begin(id)
	ctx, cancel := context.WithTimeout(r.Context(), sampleTimeout)
	defer cancel()
	m := &queue.Outbound{ID: id, Route: route, From: asked.From, To: asked.To, Created: now, Expires: now.Add(time.Hour)}
	parts, err := l.SendSample(ctx, m, asked.Text)
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, fmt.Sprintf("not sent over link %s: %v; otpgw ctl links says how it is", l.Name(), err))
		return
	}
	done, _ := a.samples.change(id, func(s *Sample) {
		s.Link, s.Route, s.From = l.Name(), route, asked.From
		for _, p := range parts {
			s.Parts = append(s.Parts, shownPart(p))
		}
	})
	reply(w, http.StatusOK, done)
}

func shownPart(p link.Sample) SamplePart {
	shown := SamplePart{Part: p.Part, MessageID: p.MessageID, Seconds: p.Took.Seconds(), Taken: p.Err == nil && p.Status == wire.StatusOK}
	if p.Err != nil {
		shown.Error = p.Err.Error()
	} else {
		shown.Status = p.Status.String()
	}
	return shown
}

// sampleLink fills in what was not asked for, and chooses the link.
func (a *Server) sampleLink(asked *SampleRequest) (l *link.Link, route string, err error) {
	conf := a.Config()
	number, ok := phone.Parse(asked.To, "")
	if !ok {
		return nil, "", errors.New("-to is no telephone number; write it with its country's code: +46701234567")
	}
	asked.To, asked.Text = number.E164, cmp.Or(asked.Text, sampleText)
	if asked.From == "" && len(conf.Apps) > 0 {
		asked.From = conf.Apps[0].From
	}
	if why := config.SenderRule.Problem(asked.From); why != "" {
		return nil, "", fmt.Errorf("-from: the sender %q %s", asked.From, why)
	}
	if asked.Link != "" {
		if l = a.Links.Find(asked.Link); l == nil {
			return nil, "", fmt.Errorf("no link is named %s; otpgw ctl links names them", asked.Link)
		}
		return l, "", nil
	}
	if route = asked.Route; route == "" {
		if route, err = conf.Route(otp.Traffic{From: asked.From, To: number.E164}); err != nil {
			return nil, "", fmt.Errorf("no route takes the number (%w); say which with -route, or over which -link", err)
		}
	}
	at := slices.IndexFunc(conf.Routes, func(r config.Route) bool { return r.Name == route })
	if at < 0 {
		return nil, "", fmt.Errorf("no route is named %s; otpgw ctl routes names them", route)
	}
	for _, rl := range conf.Routes[at].Links { // the preferred first
		if l = a.Links.Find(rl.Name); l != nil && l.Up() {
			return l, route, nil
		}
	}
	return nil, "", fmt.Errorf("no link of the route %s can send; otpgw ctl links says why", route)
}

func (a *Server) sample(w http.ResponseWriter, r *http.Request) {
	s, ok := a.samples.change(r.PathValue("id"), func(*Sample) {})
	if !ok {
		fail(w, http.StatusNotFound, "no test message of this daemon has this id")
		return
	}
	reply(w, http.StatusOK, s)
}
