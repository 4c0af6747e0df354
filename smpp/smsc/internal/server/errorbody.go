package server

import (
	"slices"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/wire"
)

// ErrorBodies says which responses with an error have a body. SMSCs differ in it, and clients that read a
// body that is not there, or do not expect one that is, are known.
type ErrorBodies string

// The ways.
const (
	ErrorBodiesSpec ErrorBodies = "spec" // those of query_sm, data_sm and submit_multi: SMPP 3.4 leaves it out of the others
	ErrorBodiesAll  ErrorBodies = "all"  // all whose PDU has mandatory fields
	ErrorBodiesNone ErrorBodies = "none"
)

// ErrorBodyKinds lists the ways.
func ErrorBodyKinds() []ErrorBodies {
	return []ErrorBodies{ErrorBodiesSpec, ErrorBodiesAll, ErrorBodiesNone}
}

// Validate refuses a name that is none; empty is ErrorBodiesSpec.
func (e ErrorBodies) Validate(field string) error {
	if e == "" || slices.Contains(ErrorBodyKinds(), e) {
		return nil
	}
	return behave.Wrong(field, "%q is none of spec, all, none", e)
}

// maxID is the longest message id (SMPP 3.4, 5.2.23).
const maxID = 64

// body is the body of the response with an error to a request: its mandatory fields, empty but for the
// message_id of a query. id is a message id to put in, mostly empty.
func (e ErrorBodies) body(f wire.Frame, id string) session.PDU {
	if e == ErrorBodiesNone {
		return wire.RawBody(nil)
	}
	switch f.Command {
	case wire.QuerySM: // SMPP 3.4, 4.8.2 has no note that leaves the body out
		q, _ := wire.DecodeQuery(f)
		if len(q.MessageID) > maxID {
			q.MessageID = ""
		}
		return wire.QueryResp{MessageID: q.MessageID}
	case wire.DataSM: // 4.7.2
		return wire.MessageResp{MessageID: id}
	case wire.SubmitMulti: // 4.5.2
		return wire.MultiResp{MessageID: id}
	}
	if e != ErrorBodiesAll { // 4.1.2 and 4.4.2 leave it out
		return wire.RawBody(nil)
	}
	switch f.Command {
	case wire.SubmitSM:
		return wire.MessageResp{MessageID: id}
	case wire.BindTransmitter, wire.BindReceiver, wire.BindTransceiver:
		return wire.BindResp{SystemID: systemID}
	}
	return wire.RawBody(nil) // the other responses have no mandatory fields
}
