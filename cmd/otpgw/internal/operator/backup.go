package operator

import (
	"io"
	"net/http"
	"time"
)

// backupPause is how long whoever takes a backup may take for its next piece.
const backupPause = time.Minute

// backup answers POST /backup with all that is stored. It takes as long as it takes, so it is outside the
// time that others get.
func (a *Server) backup(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	out := &patientWriter{w, http.NewResponseController(w), 0}
	if err := a.Queue.Backup(r.Context(), out); err != nil {
		a.Log.Error().Err(err).Msg("backup failed")
		if out.n == 0 {
			fail(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		panic(http.ErrAbortHandler) // so that the other side sees that it is not whole
	}
}

// patientWriter gives each piece its own time.
type patientWriter struct {
	io.Writer
	control *http.ResponseController
	n       int
}

func (w *patientWriter) Write(p []byte) (int, error) {
	if err := w.control.SetWriteDeadline(time.Now().Add(backupPause)); err != nil {
		return 0, err
	}
	n, err := w.Writer.Write(p)
	w.n += n
	return n, err
}
