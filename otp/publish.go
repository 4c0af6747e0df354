package otp

import (
	"encoding/json"
	"strings"
	"time"
)

// Published is a change for whoever listens beside the application's callback.
type Published struct {
	Kind   EventKind
	App    string
	Status string // of the OTP, or of its delivery, in small letters without spaces
	Body   []byte // as a callback with this change alone
}

// publish tells Changed of a change that is stored.
func (s *Service) publish(r *Record, kind EventKind, now time.Time) {
	if s.Changed == nil || kind == "" {
		return
	}
	status := string(r.Status)
	if kind == DlrChange {
		status = string(r.Delivery.Status)
	}
	data, err := marshal(s.item(r, kind, now))
	if err == nil {
		data, err = marshal(struct {
			Event EventKind         `json:"event"`
			Data  []json.RawMessage `json:"data"`
		}{kind, []json.RawMessage{data}})
	}
	if err != nil {
		s.Log.Error().Err(err).Str("otp", r.ID).Msg("a change cannot be written down for those who listen")
		return
	}
	s.Changed(Published{kind, r.App, strings.ReplaceAll(strings.ToLower(status), " ", "_"), data})
}
