package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/country"
	"github.com/otpgw/otpgw/smpp/wire"
)

// WaysPath takes the admin token although it only reads: a way has somebody's number.
const WaysPath = "/otps"

// Way is an OTP's way with what was told of it to its application.
type Way struct {
	otp.Way
	Steps []WayStep `json:"steps"`
}

type WayStep struct {
	otp.Step
	Callback *callback.Telling `json:"callback,omitempty"`
}

// stepCallback is this package's kind of step.
const stepCallback otp.StepKind = "callback"

// Ways are the OTPs of an id, or of a number, the newest first.
type Ways struct {
	OTPs []Way `json:"otps"`
	More bool  `json:"more"` // there are older ones
}

// ways answers GET /otps?of=ID|NUMBER.
func (a *Server) ways(w http.ResponseWriter, r *http.Request) {
	of := strings.TrimSpace(r.URL.Query().Get("of"))
	found, err := a.findWays(r.Context(), of)
	var e *otp.Error
	switch {
	case errors.As(err, &e) && e.Code == otp.CodeUnavailable:
		fail(w, http.StatusServiceUnavailable, "the store does not answer")
	case err != nil:
		fail(w, http.StatusNotFound, err.Error())
	default:
		reply(w, http.StatusOK, found)
	}
}

func (a *Server) findWays(ctx context.Context, of string) (found Ways, err error) {
	var list []otp.Way
	if id, uerr := uuid.Parse(of); uerr == nil {
		var one otp.Way
		one, err = a.Service.Way(ctx, id.String())
		list = []otp.Way{one}
	} else if number, ok := otp.Number(of); ok {
		list, found.More, err = a.Service.WaysOf(ctx, number)
	} else {
		return found, errors.New("of has to be an otpId, or a number with its country code")
	}
	if errors.Is(err, otp.ErrNotFound) || err == nil && len(list) == 0 {
		return found, fmt.Errorf("no such OTP: a record is kept for %s after its PIN's end (OTPGW_RETENTION)", a.Config().Retention)
	}
	if err != nil {
		return found, err
	}
	for _, one := range list {
		found.OTPs = append(found.OTPs, a.whole(one))
	}
	return found, nil
}

// whole puts the callbacks among the steps, and a sentence to each.
func (a *Server) whole(one otp.Way) Way {
	w := Way{Way: one}
	for _, s := range one.Steps {
		s.Says = says(one, s)
		w.Steps = append(w.Steps, WayStep{Step: s})
	}
	for _, t := range a.Dispatch.Told(one.OtpID) {
		w.Steps = append(w.Steps, WayStep{otp.Step{At: t.At, Kind: stepCallback, Says: saysTold(t)}, &t})
	}
	slices.SortStableFunc(w.Steps, func(a, b WayStep) int { return a.At.Compare(b.At) })
	return w
}

// says is what a step was, as one says it to a colleague.
func says(w otp.Way, s otp.Step) string {
	message := "the message"
	if s.Message > 1 {
		message = fmt.Sprintf("message %d", s.Message)
	}
	part := ""
	if s.Part > 0 {
		part = fmt.Sprintf(" for part %d", s.Part)
	}
	carrier := cmp.Or(s.Link, "a carrier")
	switch s.Kind {
	case otp.StepAsked:
		return "asked for by " + w.App
	case otp.StepQueued:
		if w.Test {
			return "nothing is sent: it is a test number"
		}
		if s.ByTimer {
			return message + " queued by itself on the route " + w.Route
		}
		return message + " queued on the route " + w.Route
	case otp.StepSent:
		return message + " sent over " + carrier
	case otp.StepAnswered:
		return carrier + " took it" + withIDs(s.IDs)
	case otp.StepUnanswered:
		if s.Dropped {
			return carrier + " hung up before it answered"
		}
		return carrier + " did not answer in time"
	case otp.StepReceipt:
		return fmt.Sprintf("receipt of %s%s: %s%s%s", carrier, part, s.State, withReason(s), scrubbed(w, s))
	case otp.StepRefused:
		return fmt.Sprintf("%s refused it%s%s%s", carrier, part, refusal(s), scrubbed(w, s))
	case otp.StepAssumed:
		return fmt.Sprintf("counts as %s: %s", s.State, silence(s))
	case otp.StepGuess:
		return "a wrong PIN"
	case otp.StepEnded:
		return string(s.Status)
	}
	return string(s.Kind)
}

// scrubbed says what a code of an Indian operator's check means, and what to do.
func scrubbed(w otp.Way, s otp.Step) string {
	if w.Country != country.India || s.Code == nil {
		return ""
	}
	if advice := country.DLTAdvice(*s.Code); advice != "" {
		return " (" + advice + ")"
	}
	return ""
}

func withIDs(ids []string) string {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" })
	if len(ids) == 0 {
		return ", without an id"
	}
	return " as " + strings.Join(ids, ", ")
}

func withReason(s otp.Step) string {
	var words []string
	if s.Said != "" {
		words = append(words, s.Said)
	}
	if s.Code != nil {
		words = append(words, fmt.Sprintf("error %d", *s.Code))
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}

func refusal(s otp.Step) string {
	if s.Code == nil {
		return ""
	}
	return ": " + wire.Status(uint32(*s.Code)).String()
}

// silence is why a state is assumed.
func silence(s otp.Step) string {
	code := 0
	if s.Code != nil {
		code = *s.Code
	}
	return cmp.Or(map[int]string{
		0:                     "its PIN was typed in",
		otp.DeliveryNoAnswer:  "no carrier answered",
		otp.DeliveryNeverSent: "no carrier had it before the PIN's end",
		otp.DeliveryHungUp:    "the carrier hung up whenever it got it",
		otp.DeliveryNoReceipt: "no receipt came before the PIN's end",
	}[code], fmt.Sprintf("error %d", code))
}

func saysTold(t callback.Telling) string {
	answer := "no answer"
	if t.Status != 0 {
		answer = fmt.Sprintf("answered %d", t.Status)
	}
	what := cmp.Or(string(t.Event), "callback")
	if t.First {
		what = "an earlier request to the URL"
	}
	switch t.State {
	case callback.TellAcknowledged:
		return fmt.Sprintf("%s told at try %d, %s", what, t.Tries, answer)
	case callback.TellDead:
		return fmt.Sprintf("%s given up after %d tries, %s; it is a dead letter", what, t.Tries, answer)
	case callback.TellRetrying:
		return fmt.Sprintf("%s failed %d times, %s; tried again at %s", what, t.Tries, answer, t.Next.Format("15:04:05"))
	}
	return what + " waits to be told"
}
