package smsc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

// moTimeout is how long the answer to a POST waits for the client's answer to the message.
const moTimeout = 3 * time.Second

// filterOf reads the parameters that choose messages.
func filterOf(r *http.Request) (f Filter, find func(string) string, err error) {
	q := r.URL.Query()
	f = Filter{
		To: q.Get("to"), From: q.Get("from"), Text: q.Get("text"), Number: q.Get("number"), After: q.Get("after"),
		Query: q.Get("q"), Limit: defaultLimit,
	}
	if v := q.Get("limit"); v != "" {
		if f.Limit, err = strconv.Atoi(v); err != nil || f.Limit < 1 {
			return f, nil, errors.New("limit is not a number from 1")
		}
	}
	if v := q.Get("mo"); v != "" {
		if f.MO, err = strconv.ParseBool(v); err != nil {
			return f, nil, errors.New("mo is neither true nor false")
		}
	}
	find, err = codeFinder(q.Get("pattern"))
	return f, find, err
}

// getMessages lists messages, the newest first. Parameters: see Filter; ?limit= is 100 when left out, ?pattern= finds the
// code.
func (s *Server) getMessages(w http.ResponseWriter, r *http.Request) {
	f, find, err := filterOf(r)
	if err != nil {
		badParam(w, err)
		return
	}
	rs, err := s.store.list(f)
	if err != nil {
		badParam(w, err)
		return
	}
	body := struct {
		Messages []Message `json:"messages"`
	}{make([]Message, 0, len(rs))}
	for _, rec := range rs {
		body.Messages = append(body.Messages, rec.snapshot(find))
	}
	writeJSON(w, http.StatusOK, body)
}

// getLatest is the newest message that getMessages would list.
func (s *Server) getLatest(w http.ResponseWriter, r *http.Request) {
	f, find, err := filterOf(r)
	if err != nil {
		badParam(w, err)
		return
	}
	f.Limit = 1
	rs, err := s.store.list(f)
	switch {
	case err != nil:
		badParam(w, err)
	case len(rs) == 0:
		notFound(w, "message")
	default:
		writeJSON(w, http.StatusOK, rs[0].snapshot(find))
	}
}

// getMessage is one message with its PDUs.
func (s *Server) getMessage(w http.ResponseWriter, r *http.Request) {
	m, ok := s.Message(r.PathValue("id"))
	if !ok {
		notFound(w, "message")
		return
	}
	writeJSON(w, http.StatusOK, m)
}

// postMessage sends a message from a handset to a client. The answer waits for the client's for a moment: 202 when it did
// not come meanwhile, or nobody is bound to receive; what becomes of the message is in the list.
func (s *Server) postMessage(w http.ResponseWriter, r *http.Request) {
	var mo MO
	if !readInto(w, r, &mo) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), moTimeout)
	defer cancel()
	res, err := s.InjectMO(ctx, mo)
	var f *FieldError
	switch {
	case errors.As(err, &f):
		badBody(w, err)
	case errors.Is(err, ErrNoReceiver):
		writeError(w, http.StatusConflict, "no_receiver", "no account is there to receive it: name one, or let one bind")
	case errors.Is(err, ErrClosed):
		closing(w)
	case err != nil || res.Status == ReceiptQueued:
		writeJSON(w, http.StatusAccepted, res)
	default:
		writeJSON(w, http.StatusCreated, res)
	}
}

func (s *Server) deleteMessages(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]int{"deleted": s.Clear()})
}

// getWait answers as soon as there is a message for ?to=, 404 when none came within ?timeout= (10s, at most 5m). ?from=
// and ?text= narrow it down, as in the list.
//
// Without ?after= each message is handed out once, the oldest first, also one that came before the call. With ?after=,
// a message id or an RFC 3339 time, it is the oldest message newer than that, handed out or not, and stays for others.
// ?pattern= finds the code; it does not choose the message.
func (s *Server) getWait(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := Filter{To: q.Get("to"), From: q.Get("from"), Text: q.Get("text"), After: q.Get("after")}
	if behave.Number(f.To) == "" {
		badParam(w, errors.New("to is missing: the number to wait for"))
		return
	}
	timeout, err := parseTimeout(q.Get("timeout"))
	if err != nil {
		badParam(w, err)
		return
	}
	find, err := codeFinder(q.Get("pattern"))
	if err != nil {
		badParam(w, err)
		return
	}
	wt, err := s.store.waiterFor(f)
	if err != nil {
		badParam(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	rec, err := s.wait(ctx, wt)
	s.answerWait(w, r, wt, rec, find, err)
}

func (s *Server) answerWait(w http.ResponseWriter, r *http.Request, wt *waiter, rec *record, find func(string) string, err error) {
	if err == nil && r.Context().Err() != nil { // nobody is there to read it
		if wt.newer == nil {
			s.store.giveBack(rec)
		}
		err = r.Context().Err()
	}
	switch {
	case err == nil:
		writeJSON(w, http.StatusOK, rec.snapshot(find))
	case errors.Is(err, context.DeadlineExceeded):
		writeError(w, http.StatusNotFound, "not_found", "no message to that number came in time")
	case errors.Is(err, ErrWaiters):
		writeError(w, http.StatusServiceUnavailable, "server_error", "too many wait already")
	default:
		closing(w)
	}
}

func closing(w http.ResponseWriter) {
	writeError(w, http.StatusServiceUnavailable, "server_error", "the simulator is shutting down")
}

// parseTimeout reads "10s", or "10" for seconds.
func parseTimeout(v string) (time.Duration, error) {
	if v == "" {
		return defaultWait, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		if d, err = time.ParseDuration(v + "s"); err != nil {
			return 0, errors.New("timeout is not a duration such as 10s")
		}
	}
	if d < 0 || d > maxWait {
		return 0, fmt.Errorf("timeout is not within 0s and %s", maxWait)
	}
	return d, nil
}
