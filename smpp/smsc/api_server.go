package smsc

import (
	"net/http"
	"slices"
	"time"
)

// serverInfo is what a client, and the page, has to know of the simulator.
type serverInfo struct {
	SMPP    string `json:"smpp"` // host:port
	SMPPTLS string `json:"smppTls,omitempty"`
	HTTP    string `json:"http"`
	// AnyAccount says that any system_id with any password may bind.
	AnyAccount     bool            `json:"anyAccount"`
	Keep           int             `json:"keep"`
	Started        time.Time       `json:"started"`
	Magic          []MagicNumber   `json:"magic"` // empty when they are off
	ReceiptFormats []ReceiptFormat `json:"receiptFormats"`
	IDFormats      []IDFormat      `json:"idFormats"`
	Malformed      []Malformed     `json:"malformed"`
	Faults         []Fault         `json:"faults"`
}

// getServer says where to connect, and what names rules know.
func (s *Server) getServer(w http.ResponseWriter, _ *http.Request) {
	info := serverInfo{
		SMPP: s.Addr(), HTTP: s.HTTPAddr(), Keep: s.cfg.Keep, Started: s.started,
		AnyAccount: !slices.ContainsFunc(s.Accounts(), func(a AccountInfo) bool { return a.Configured }),
		Magic:      []MagicNumber{}, ReceiptFormats: ReceiptFormats(), IDFormats: IDFormats(),
		Malformed: MalformedKinds(), Faults: FaultKinds(),
	}
	if s.tlsLn != nil {
		info.SMPPTLS = s.tlsLn.Addr().String()
	}
	if !s.cfg.NoMagic {
		info.Magic = Magic()
	}
	writeJSON(w, http.StatusOK, info)
}

// postReset is Reset: what a test suite wants before it begins.
func (s *Server) postReset(w http.ResponseWriter, _ *http.Request) {
	s.Reset()
	w.WriteHeader(http.StatusNoContent)
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
