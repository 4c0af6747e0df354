package operator

import (
	"errors"
	"net/http"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue/orders"
	"github.com/rs/zerolog"
)

// Reloaded is what a reload did: names of variables, never values.
type Reloaded struct {
	Changed  []string `json:"changed"`
	Restart  []string `json:"restart"` // changed too, and in force after a restart only; with why that is so
	Warnings []string `json:"warnings"`
}

func (a *Server) reloadNow(w http.ResponseWriter, r *http.Request) {
	done, err := a.Reload(r.Context(), "POST /reload")
	var faulty *config.Error
	switch {
	case errors.As(err, &faulty):
		faults := make([]string, len(faulty.Faults))
		for i, f := range faulty.Faults {
			faults[i] = f.String()
		}
		reply(w, http.StatusUnprocessableEntity, map[string]any{"error": "the configuration is wrong; nothing has changed", "faults": faults})
	case err != nil:
		fail(w, http.StatusUnprocessableEntity, err.Error()+"; nothing has changed")
	default:
		told := a.tell(r, orders.Order{Verb: Reload})
		reply(w, http.StatusOK, struct {
			Reloaded
			Done
		}{done, told})
	}
}

func (a *Server) logLevel(w http.ResponseWriter, r *http.Request) {
	level, err := zerolog.ParseLevel(r.PathValue("level"))
	if err != nil || level == zerolog.NoLevel {
		fail(w, http.StatusBadRequest, "the level is trace, debug, info, warn, error or disabled")
		return
	}
	told := a.tell(r, orders.Order{Verb: LogLevel, Target: level.String()})
	reply(w, http.StatusOK, struct {
		Level string `json:"level"`
		Until string `json:"until"`
		Done
	}{level.String(), "the next start or reload", told})
}
