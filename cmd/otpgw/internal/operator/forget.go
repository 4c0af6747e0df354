package operator

import (
	"context"
	"net/http"

	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/queue"
)

// forgotten is what an erasure did.
type forgotten struct {
	OTPs        int    `json:"otps"`
	DeadLetters int    `json:"deadLetters"`
	Log         string `json:"log"`
	Kept        string `json:"kept"`
}

// forget answers POST /forget with {"number"}: the number is in the body, for paths are in the audit log.
func (a *Server) forget(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Number string }
	if !readBody(w, r, &asked, `the body is {"number":"+46701234567"}`) {
		return
	}
	number, ok := phone.Parse(asked.Number, "")
	if !ok {
		fail(w, http.StatusBadRequest, "the number is none; write it with its country's code: +46701234567")
		return
	}
	done := forgotten{Log: "the store's log is written anew within a minute, and has the number no more",
		Kept: "an opt-out, as a hash; what the operator's own logs and billing records (OTPGW_CDR_DIR) have"}
	ids, err := a.Service.Forget(r.Context(), number.E164)
	if err == nil {
		err = a.Tracker.Forget(r.Context(), number.E164, ids)
	}
	if err == nil {
		err = a.References.Forget(r.Context(), number.E164)
	}
	if err == nil {
		err = a.Dispatch.Forget(r.Context(), number.E164)
	}
	if err == nil {
		done.DeadLetters, err = a.dead.forget(r.Context(), number.E164)
	}
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "not all is forgotten; ask again: "+err.Error())
		return
	}
	done.OTPs = len(ids)
	a.Compact()
	reply(w, http.StatusOK, done)
}

// forget erases the dead letters that tell of a number, and the number's items in those that tell of others
// too.
func (a *deadLetters) forget(ctx context.Context, e164 string) (n int, err error) {
	for after := uint64(0); ; {
		list, next, err := a.queue.FindDeadLetters(ctx, queue.DeadQuery{After: after, PageSize: deadPageMost})
		if err != nil {
			return n, err
		}
		for i := range list {
			rest, about := withoutNumber(&list[i], e164)
			if !about {
				continue
			}
			if rest != nil {
				if err := a.queue.DeadLetter(ctx, *rest); err != nil {
					return n, err
				}
			}
			if err := a.queue.EraseDeadLetter(ctx, list[i].Sequence); err != nil {
				return n, err
			}
			n++
		}
		if after = next; next == 0 {
			return n, nil
		}
	}
}

// withoutNumber is a dead letter without what it tells of a number; nil when it tells of nothing else.
func withoutNumber(l *queue.DeadLetter, e164 string) (rest *queue.DeadLetter, about bool) {
	switch l.Kind {
	case callback.DeadKind:
		return callback.ForgetDead(l, e164)
	case "sms":
		m, err := queue.ParseOutbound(l.Data)
		return nil, err == nil && m.To == e164
	}
	return nil, dlr.AboutNumber(l, e164)
}
