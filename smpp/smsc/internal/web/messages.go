package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/smsc/internal/server"
)

// moTimeout is how long the answer to a POST waits for the client's answer to the message.
const moTimeout = 3 * time.Second

// filterOf reads the parameters that choose messages.
func filterOf(r *http.Request) (f server.Filter, err error) {
	q := r.URL.Query()
	f = server.Filter{
		To: q.Get("to"), From: q.Get("from"), Text: q.Get("text"), Number: q.Get("number"), After: q.Get("after"),
		Before: q.Get("before"), Query: q.Get("q"), Pattern: q.Get("pattern"), Limit: defaultLimit,
	}
	if v := q.Get("limit"); v != "" {
		if f.Limit, err = strconv.Atoi(v); err != nil || f.Limit < 1 {
			return f, errors.New("limit is not a number from 1")
		}
	}
	if v := q.Get("mo"); v != "" {
		if f.MO, err = strconv.ParseBool(v); err != nil {
			return f, errors.New("mo is neither true nor false")
		}
	}
	return f, f.Validate()
}

// getMessages lists messages, the newest first. Parameters: see server.Filter; ?limit= is 100 when left out.
func (a *api) getMessages(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r)
	var page server.Page
	if err == nil {
		page, err = a.sim.Page(f)
	}
	if err != nil {
		badParam(w, err)
		return
	}
	writeJSON(w, http.StatusOK, page)
}

// getLatest is the newest message that getMessages would list.
func (a *api) getLatest(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r)
	if err != nil {
		badParam(w, err)
		return
	}
	f.Limit = 1
	if list := a.sim.Messages(f); len(list) > 0 {
		writeJSON(w, http.StatusOK, list[0])
		return
	}
	notFound(w, "message")
}

// getMessage is one message with its PDUs.
func (a *api) getMessage(w http.ResponseWriter, r *http.Request) {
	m, ok := a.sim.Message(r.PathValue("id"))
	if !ok {
		notFound(w, "message")
		return
	}
	writeJSON(w, http.StatusOK, m)
}

// postMessage sends a message from a handset to a client. The answer waits for the client's for a moment: 202
// when it did not come meanwhile, or nobody is bound to receive; what becomes of the message is in the list.
func (a *api) postMessage(w http.ResponseWriter, r *http.Request) {
	var mo server.MO
	if !readInto(w, r, &mo) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), moTimeout)
	defer cancel()
	res, err := a.sim.InjectMO(ctx, mo)
	var f *behave.FieldError
	switch {
	case errors.As(err, &f):
		badBody(w, err)
	case errors.Is(err, server.ErrNoReceiver):
		writeError(w, http.StatusConflict, "no_receiver", "no account is there to receive it: name one, or let one bind")
	case errors.Is(err, server.ErrClosed):
		closing(w)
	case err != nil || res.Status == server.ReceiptQueued:
		writeJSON(w, http.StatusAccepted, res)
	default:
		writeJSON(w, http.StatusCreated, res)
	}
}

func (a *api) deleteMessages(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]int{"deleted": a.sim.Clear()})
}

// getWait answers as soon as there is a message for ?to=, 404 when none came within ?timeout= (10s, at most
// 5m). ?from= and ?text= narrow it down, as in the list.
//
// Without ?after= each message is handed out once, the oldest first, also one that came before the call. With
// ?after=, a message id or an RFC 3339 time, it is the oldest message newer than that, handed out or not, and
// stays for others. ?pattern= finds the code; it does not choose the message.
func (a *api) getWait(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := server.Filter{
		To: q.Get("to"), From: q.Get("from"), Text: q.Get("text"), After: q.Get("after"), Pattern: q.Get("pattern"),
	}
	if behave.Number(f.To) == "" {
		badParam(w, errors.New("to is missing: the number to wait for"))
		return
	}
	timeout, err := parseTimeout(q.Get("timeout"))
	if err == nil {
		err = f.Validate()
	}
	if err != nil {
		badParam(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	m, err := a.sim.WaitFor(ctx, f)
	if err == nil && r.Context().Err() != nil { // nobody is there to read it
		if f.After == "" {
			a.sim.GiveBack(m.ID)
		}
		err = r.Context().Err()
	}
	switch {
	case err == nil:
		writeJSON(w, http.StatusOK, m)
	case errors.Is(err, context.DeadlineExceeded):
		writeError(w, http.StatusNotFound, "not_found", "no message to that number came in time")
	case errors.Is(err, server.ErrWaiters):
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
