// Package logs makes the daemon's logger: JSON whose lines are written together, or lines for a terminal.
package logs

import (
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/config"
)

// New makes a logger of all levels; the daemon's level is zerolog's global one, which a reload may
// change. Format auto is console on a terminal, else JSON. flush writes the lines that still wait.
func New(w io.Writer, format config.LogFormat) (log zerolog.Logger, flush func()) {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	gathered := newGatherer(w)
	var out io.Writer = gathered
	if format.Console(terminal(w)) {
		out = zerolog.ConsoleWriter{Out: gathered, TimeFormat: "15:04:05.000", NoColor: !terminal(w)}
	}
	return zerolog.New(out).With().Timestamp().Logger(), gathered.Flush
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
