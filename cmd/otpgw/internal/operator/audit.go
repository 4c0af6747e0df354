package operator

import (
	"net/http"

	"github.com/rs/zerolog"
)

// audited writes down who did what, and what came of it.
func (a *Server) audited(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next(s, r)
		audit(a.Log, r, r.Method+" "+r.URL.Path).Int("status", s.status).Msg("operator's action")
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// audit begins the line of the log that says who did what.
func audit(log zerolog.Logger, req *http.Request, action string) *zerolog.Event {
	return log.Log().Str("audit", action).Str("from", req.RemoteAddr)
}
