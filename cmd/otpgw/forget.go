package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

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
func (a *admin) forget(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Number string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&asked); err != nil {
		fail(w, http.StatusBadRequest, `the body is {"number":"+46701234567"}`)
		return
	}
	number, ok := phone.Parse(asked.Number, "")
	if !ok {
		fail(w, http.StatusBadRequest, "the number is none; write it with its country's code: +46701234567")
		return
	}
	done := forgotten{Log: "the store's log is written anew within a minute, and has the number no more",
		Kept: "an opt-out, as a hash; what the operator's own logs and billing records (OTPGW_CDR_DIR) have"}
	ids, err := a.service.Forget(r.Context(), number.E164)
	if err == nil {
		err = a.tracker.Forget(r.Context(), number.E164, ids)
	}
	if err == nil {
		err = a.references.Forget(r.Context(), number.E164)
	}
	if err == nil {
		err = a.dispatch.Forget(r.Context(), number.E164)
	}
	if err == nil {
		done.DeadLetters, err = a.dead.forget(r.Context(), number.E164)
	}
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "not all is forgotten; ask again: "+err.Error())
		return
	}
	done.OTPs = len(ids)
	select {
	case a.compact <- struct{}{}:
	default: // it is about to
	}
	reply(w, http.StatusOK, done)
}

// forget erases the dead letters that tell of a number, and the number's items in those that tell of others
// too.
func (a *deadLetters) forget(ctx context.Context, e164 string) (n int, err error) {
	for after := uint64(0); ; {
		list, next, err := a.queue.FindDeadLetters(ctx, queue.DeadQuery{After: after, Limit: deadPageMost})
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

// compactTime bounds one writing of the store's log.
const compactTime = 5 * time.Minute

// compacts writes the store's log anew when somebody was forgotten, until ctx ends.
func (d *daemon) compacts(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.compact:
		}
		one, cancel := context.WithTimeout(ctx, compactTime)
		if err := d.queue.Compact(one); err != nil && ctx.Err() == nil {
			d.log.Error().Err(err).Msg("the store's log is not written anew; what was forgotten is in it until the next time")
		}
		cancel()
	}
}
