package web

import (
	"net/http"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/smsc/internal/server"
	"github.com/otpgw/otpgw/smpp/wire"
)

// getServer says where to connect, and what names rules know.
func (a *api) getServer(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		server.Info
		ReceiptFormats []behave.ReceiptFormat `json:"receiptFormats"`
		IDFormats      []behave.IDFormat      `json:"idFormats"`
		Malformed      []behave.Malformed     `json:"malformed"`
		Faults         []behave.Fault         `json:"faults"`
		States         []wire.MessageState    `json:"states"`
		Samples        map[string]samples     `json:"samples"`
	}{
		a.sim.Info(), behave.ReceiptFormats(), behave.IDFormats(), behave.MalformedKinds(), behave.FaultKinds(), behave.States(),
		map[string]samples{
			"receiptFormats": samplesOf(behave.ReceiptFormats()), "idFormats": samplesOf(behave.IDFormats()),
			"malformed": samplesOf(behave.MalformedKinds()), "faults": samplesOf(behave.FaultKinds()),
		},
	})
}

// samples show what a name stands for, by the name.
type samples map[string]string

func samplesOf[T interface {
	~string
	Sample() string
}](names []T) samples {
	m := make(samples)
	for _, n := range names {
		m[string(n)] = n.Sample()
	}
	return m
}

// postReset is Reset: what a test suite wants before it begins.
func (a *api) postReset(w http.ResponseWriter, _ *http.Request) {
	a.sim.Reset()
	w.WriteHeader(http.StatusNoContent)
}

// getHealth says that the server works, and what it did.
func (a *api) getHealth(w http.ResponseWriter, _ *http.Request) {
	n := a.sim.Stats()
	writeJSON(w, http.StatusOK, map[string]any{
		"status":           "ok",
		"uptimeSeconds":    int(time.Since(a.sim.Info().Started).Seconds()),
		"binds":            n.Binds,
		"messagesKept":     n.MessagesKept,
		"submits":          n.Submits,
		"refused":          n.Refused,
		"receiptsAnswered": n.ReceiptsAnswered,
		"receiptsFailed":   n.ReceiptsFailed,
		"receiptsDropped":  n.ReceiptsDropped,
		"receiptsHeld":     n.ReceiptsHeld,
		"scheduled":        n.Scheduled,
	})
}
