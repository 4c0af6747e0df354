package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/otpgw/otpgw/smpp/smsc/internal/server"
)

// pduFilterOf reads the parameters that choose PDUs.
func pduFilterOf(r *http.Request, limit int) (f server.PDUFilter, err error) {
	q := r.URL.Query()
	f = server.PDUFilter{
		Session: q.Get("session"), Command: q.Get("command"), Number: q.Get("number"), Query: q.Get("q"), Limit: limit,
	}
	if v := q.Get("after"); v != "" {
		if f.After, err = strconv.ParseUint(v, 10, 64); err != nil {
			return f, errors.New("after is not the id of a PDU")
		}
	}
	if v := q.Get("limit"); v != "" {
		if f.Limit, err = strconv.Atoi(v); err != nil || f.Limit < 1 {
			return f, errors.New("limit is not a number from 1")
		}
	}
	return f, nil
}

// getPDUs lists the PDUs kept, the oldest first: ?session=, ?command=, ?number= in its addresses, ?q= a part
// of one or a message id, ?after= an id, ?limit= the newest so many (100).
func (a *api) getPDUs(w http.ResponseWriter, r *http.Request) {
	f, err := pduFilterOf(r, defaultLimit)
	if err != nil {
		badParam(w, err)
		return
	}
	list := a.sim.PDUs(f)
	if list == nil {
		list = []server.PDU{}
	}
	writeJSON(w, http.StatusOK, map[string][]server.PDU{"pdus": list})
}

// getCapture is the PDUs kept as a file for Wireshark, with the parameters of getPDUs and no limit of its
// own.
func (a *api) getCapture(w http.ResponseWriter, r *http.Request) {
	f, err := pduFilterOf(r, 0)
	if err != nil {
		badParam(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.tcpdump.pcap")
	w.Header().Set("Content-Disposition", `attachment; filename="smscsim.pcap"`)
	w.Header().Set("Cache-Control", "no-store")
	_ = a.sim.Capture(w, f) // the peer has gone
}
