package smsc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	defaultWait  = 10 * time.Second
	maxWait      = 5 * time.Minute
	defaultLimit = 100

	readTimeout = 10 * time.Second
	idleTimeout = 2 * time.Minute
)

// newHTTP makes the HTTP server: messages for tests, health for probes.
func (s *Server) newHTTP() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/messages", s.getMessages)
	mux.HandleFunc("DELETE /api/v1/messages", s.deleteMessages)
	mux.HandleFunc("GET /api/v1/messages/wait", s.getWait)
	mux.HandleFunc("GET /healthz", s.getHealth)
	mux.HandleFunc("/api/v1/messages", notAllowed("GET, HEAD, DELETE"))
	mux.HandleFunc("/api/v1/messages/wait", notAllowed("GET, HEAD"))
	mux.HandleFunc("/healthz", notAllowed("GET, HEAD"))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, "not_found", "no such path: see /api/v1/messages")
	})
	return &http.Server{
		Handler:           mux,
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ReadHeaderTimeout: readTimeout, // and no ReadTimeout: it would end the context of a long wait
		WriteTimeout:      maxWait + readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10,
	}
}

func (s *Server) serveHTTP() {
	if err := s.http.Serve(s.httpLn); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error().Err(err).Msg("HTTP ended")
	}
}

// apiError is the body of every error.
type apiError struct {
	Error struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

func writeError(w http.ResponseWriter, status int, kind, message string) {
	var e apiError
	e.Error.Type, e.Error.Message = kind, message
	writeJSON(w, status, e)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the peer has gone
}

func notAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		writeError(w, http.StatusMethodNotAllowed, "invalid_method", "allowed here: "+allow)
	}
}

func badParam(w http.ResponseWriter, err error) {
	writeError(w, http.StatusBadRequest, "invalid_param", err.Error())
}

// getMessages lists messages, the newest first: ?to= one number, ?limit= 1 and up (100), ?pattern= finds the code.
func (s *Server) getMessages(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := Filter{To: q.Get("to"), Limit: defaultLimit}
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			badParam(w, errors.New("limit is not a number from 1"))
			return
		}
		f.Limit = n
	}
	find, err := codeFinder(q.Get("pattern"))
	if err != nil {
		badParam(w, err)
		return
	}
	body := struct {
		Messages []Message `json:"messages"`
	}{[]Message{}}
	for _, rec := range s.store.list(f) {
		body.Messages = append(body.Messages, rec.snapshot(find))
	}
	writeJSON(w, http.StatusOK, body)
}

func (s *Server) deleteMessages(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]int{"deleted": s.Clear()})
}

// getWait answers as soon as there is a message for ?to=, 404 when none came within ?timeout= (10s, at most 5m).
//
// Without ?after= each message is handed out once, the oldest first, also one that came before the call. With ?after=,
// a message id or an RFC 3339 time, it is the oldest message newer than that, handed out or not, and stays for others.
// ?pattern= finds the code; it does not choose the message.
func (s *Server) getWait(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	wt := &waiter{to: q.Get("to")}
	if number(wt.to) == "" {
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
	if after := q.Get("after"); after != "" {
		if wt.newer, err = s.store.newerThan(after); err != nil {
			badParam(w, err)
			return
		}
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
		writeError(w, http.StatusServiceUnavailable, "server_error", "the simulator is shutting down")
	}
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

// getHealth says that the server works, and what it did.
func (s *Server) getHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"status":           "ok",
		"uptimeSeconds":    int(time.Since(s.started).Seconds()),
		"binds":            s.accounts.bound(),
		"messagesKept":     s.store.size(),
		"submits":          s.counts.submits.Load(),
		"refused":          s.counts.refused.Load(),
		"receiptsAnswered": s.counts.receipts.Load(),
		"receiptsFailed":   s.counts.failed.Load(),
		"receiptsDropped":  s.counts.dropped.Load(),
		"receiptsHeld":     s.accounts.held.used.Load(),
		"scheduled":        s.schedule.size(),
	})
}
