package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/queue"
)

// deadLetters is what an operator does with what was given up: see it, send it again, drop it. What changes
// something is in the log, with who asked for it.
type deadLetters struct {
	queue    *queue.Queue
	dispatch *callback.Dispatcher
	log      zerolog.Logger
}

// deadPage and deadPageMost are how many one request lists, or works on.
const (
	deadPage     = 100
	deadPageMost = 1000
	namedOTPs    = 5 // of a dead letter, in the list; count tells of all
)

func (a *deadLetters) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /dlq", a.list)
	mux.HandleFunc("POST /dlq/replay", a.replayAll)
	mux.HandleFunc("DELETE /dlq", a.dropAll)
	mux.HandleFunc("POST /dlq/{sequence}/replay", a.replay)
	mux.HandleFunc("DELETE /dlq/{sequence}", a.drop)
}

// DeadLetter is a dead letter as an operator sees it. The data stays in the store: it may hold a number.
type DeadLetter struct {
	Sequence  uint64    `json:"sequence"`
	Time      time.Time `json:"time"`
	Kind      string    `json:"kind"` // callback, receipt or sms
	Reason    string    `json:"reason"`
	App       string    `json:"app,omitempty"`
	Host      string    `json:"host,omitempty"`
	Event     string    `json:"event,omitempty"`
	WebhookID string    `json:"webhookId,omitempty"`
	Link      string    `json:"link,omitempty"`
	Route     string    `json:"route,omitempty"`
	OTPs      []string  `json:"otps,omitempty"`  // some of them
	Count     int       `json:"count,omitempty"` // of OTPs
	Subject   string    `json:"subject"`

	all []string // OTPs
}

// describe reads what a dead letter is about. Each kind keeps that in a form of its own.
func describe(d *queue.DeadLetter) DeadLetter {
	l := DeadLetter{Sequence: d.Sequence, Time: d.Time, Kind: d.Kind, Reason: d.Reason, Subject: d.Subject}
	switch d.Kind {
	case callback.DeadKind:
		if about, ok := callback.Describe(d); ok {
			l.App, l.Host, l.Event, l.WebhookID, l.all = about.App, about.Host, string(about.Event), about.WebhookID, about.OTPs
		}
	case "sms":
		if m, err := queue.ParseOutbound(d.Data); err == nil {
			l.Route, l.all = m.Route, []string{m.Ref}
		}
	case "receipt":
		var r struct{ Link string }
		if json.Unmarshal(d.Data, &r) == nil {
			l.Link = r.Link
		}
	}
	l.OTPs, l.Count = l.all[:min(len(l.all), namedOTPs)], len(l.all)
	return l
}

// choice is what the query of a request chooses.
type choice struct {
	queue.DeadQuery
	any bool // it has no condition
}

var deadFilters = []string{"kind", "app", "host", "otp", "link", "route"}

// choose reads kind, app, host, otp, link and route, which have all to fit, and after and limit.
func choose(q url.Values) (choice, error) {
	c := choice{DeadQuery: queue.DeadQuery{Kind: q.Get("kind"), PageSize: deadPage}, any: true}
	for name := range q {
		if name != "after" && name != "limit" && name != "enable" && !slices.Contains(deadFilters, name) {
			return c, fmt.Errorf("%q is no parameter here; there are %s, after and limit", name, strings.Join(deadFilters, ", "))
		}
	}
	for _, name := range deadFilters {
		c.any = c.any && q.Get(name) == ""
	}
	var err error
	if text := q.Get("after"); text != "" {
		if c.After, err = strconv.ParseUint(text, 10, 64); err != nil {
			return c, errors.New("after must be the sequence of a dead letter")
		}
	}
	if text := q.Get("limit"); text != "" {
		if c.PageSize, err = strconv.Atoi(text); err != nil || c.PageSize < 1 || c.PageSize > deadPageMost {
			return c, fmt.Errorf("limit must be 1 to %d", deadPageMost)
		}
	}
	c.Match = func(d *queue.DeadLetter) bool {
		l := describe(d)
		fits := func(name, value string) bool { return q.Get(name) == "" || q.Get(name) == value }
		return fits("app", l.App) && fits("host", l.Host) && fits("link", l.Link) && fits("route", l.Route) &&
			(q.Get("otp") == "" || slices.Contains(l.all, q.Get("otp")))
	}
	return c, nil
}

// find answers a request that is wrong, or that the store does not answer, and returns false then.
func (a *deadLetters) find(ctx context.Context, w http.ResponseWriter, c choice) (list []queue.DeadLetter, next uint64, ok bool) {
	list, next, err := a.queue.FindDeadLetters(ctx, c.DeadQuery)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
	}
	return list, next, err == nil
}

// list answers with a page. Where there is more, the header Link says where (RFC 8288); with conditions a
// page may be short though there is more.
func (a *deadLetters) list(w http.ResponseWriter, req *http.Request) {
	c, err := choose(req.URL.Query())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), Timeout)
	defer cancel()
	found, next, ok := a.find(ctx, w, c)
	if !ok {
		return
	}
	list := make([]DeadLetter, len(found))
	for i := range found {
		list[i] = describe(&found[i])
	}
	if next != 0 {
		q := req.URL.Query()
		q.Set("after", strconv.FormatUint(next, 10))
		w.Header().Set("Link", "</dlq?"+q.Encode()+`>; rel="next"`)
	}
	reply(w, http.StatusOK, list)
}

// replay sends one again. To a callback URL that is disabled by a 410 it does so only with enable=true, which
// enables the URL.
func (a *deadLetters) replay(w http.ResponseWriter, req *http.Request) {
	a.one(w, req, "replay", func(ctx context.Context, d *queue.DeadLetter) error {
		return a.again(ctx, d, req.URL.Query().Get("enable") == "true")
	})
}

func (a *deadLetters) drop(w http.ResponseWriter, req *http.Request) {
	a.one(w, req, "drop", func(ctx context.Context, d *queue.DeadLetter) error { return a.queue.DropDeadLetter(ctx, d.Sequence) })
}

// one does something with the dead letter of the path.
func (a *deadLetters) one(w http.ResponseWriter, req *http.Request, action string, do func(context.Context, *queue.DeadLetter) error) {
	seq, err := strconv.ParseUint(req.PathValue("sequence"), 10, 64)
	if err != nil || seq == 0 {
		fail(w, http.StatusBadRequest, "the path must hold the sequence of a dead letter")
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), Timeout)
	defer cancel()
	d, err := a.queue.DeadLetterAt(ctx, seq)
	if err == nil {
		err = do(ctx, &d)
	}
	switch {
	case errors.Is(err, queue.ErrNotFound):
		fail(w, http.StatusNotFound, "no dead letter has this sequence")
	case errors.Is(err, callback.ErrDisabled):
		fail(w, http.StatusConflict, err.Error()+"; replay with ?enable=true, or enable it first: POST /endpoints/enable")
	case err != nil:
		fail(w, http.StatusServiceUnavailable, err.Error())
	default:
		l := describe(&d)
		audit(a.log, req, "dlq."+action).Uint64("sequence", seq).Str("kind", l.Kind).Str("app", l.App).Msg("operator's action")
		reply(w, http.StatusOK, map[string]uint64{pastOf[action]: seq})
	}
}

var pastOf = map[string]string{"replay": "replayed", "drop": "dropped"}

// again publishes a dead letter to where it came from.
func (a *deadLetters) again(ctx context.Context, d *queue.DeadLetter, enable bool) error {
	if d.Kind != callback.DeadKind {
		return a.queue.Replay(ctx, d.Sequence)
	}
	_, err := a.dispatch.Replay(ctx, d, enable)
	return err
}

func (a *deadLetters) replayAll(w http.ResponseWriter, req *http.Request) {
	enable := req.URL.Query().Get("enable") == "true"
	a.all(w, req, "replay", func(ctx context.Context, d *queue.DeadLetter) error { return a.again(ctx, d, enable) })
}

func (a *deadLetters) dropAll(w http.ResponseWriter, req *http.Request) {
	a.all(w, req, "drop", func(ctx context.Context, d *queue.DeadLetter) error { return a.queue.DropDeadLetter(ctx, d.Sequence) })
}

// done is the answer to a request that works on several.
type done struct {
	Replayed int            `json:"replayed,omitempty"`
	Dropped  int            `json:"dropped,omitempty"`
	Left     int            `json:"left"`           // not done, for the reasons that follow
	Reasons  map[string]int `json:"reasons"`        // how many for each
	Next     uint64         `json:"next,omitempty"` // there is more: the same request again, with after=next
}

// all does something with the dead letters that the query chooses, up to limit of them. What dies again
// meanwhile comes behind them in the list, and is not done twice.
func (a *deadLetters) all(w http.ResponseWriter, req *http.Request, action string, do func(context.Context, *queue.DeadLetter) error) {
	c, err := choose(req.URL.Query())
	if err == nil && c.any {
		err = fmt.Errorf("say which: at least one of %s", strings.Join(deadFilters, ", "))
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), Timeout)
	defer cancel()
	list, next, ok := a.find(ctx, w, c)
	if !ok {
		return
	}
	n, out := 0, done{Reasons: make(map[string]int), Next: next}
	for i := range list {
		err := do(ctx, &list[i])
		if ctx.Err() != nil {
			out.Next = list[i].Sequence - 1
			break
		}
		if err != nil {
			out.Left++
			out.Reasons[err.Error()]++
			continue
		}
		n++
	}
	if out.Dropped = n; action == "replay" {
		out.Replayed, out.Dropped = n, 0
	}
	audit(a.log, req, "dlq."+action).Str("query", req.URL.RawQuery).Int("done", n).Int("left", out.Left).Msg("operator's action")
	reply(w, http.StatusOK, out)
}
