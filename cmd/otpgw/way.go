package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/country"
	"github.com/otpgw/otpgw/smpp/wire"
)

// waysPath takes the admin token although it only reads: a way has somebody's number.
const waysPath = "/otps"

// way is an OTP's way with what was told of it to its application.
type way struct {
	otp.Way
	Steps []wayStep `json:"steps"`
}

type wayStep struct {
	otp.Step
	Callback *callback.Telling `json:"callback,omitempty"`
}

// stepCallback is this package's kind of step.
const stepCallback otp.StepKind = "callback"

// foundWays are the OTPs of an id, or of a number, the newest first.
type foundWays struct {
	OTPs []way `json:"otps"`
	More bool  `json:"more"` // there are older ones
}

// ways answers GET /otps?of=ID|NUMBER.
func (a *admin) ways(w http.ResponseWriter, r *http.Request) {
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

func (a *admin) findWays(ctx context.Context, of string) (found foundWays, err error) {
	var list []otp.Way
	if id, uerr := uuid.Parse(of); uerr == nil {
		var one otp.Way
		one, err = a.service.Way(ctx, id.String())
		list = []otp.Way{one}
	} else if number, ok := otp.Number(of); ok {
		list, found.More, err = a.service.WaysOf(ctx, number)
	} else {
		return found, errors.New("of has to be an otpId, or a number with its country code")
	}
	if errors.Is(err, otp.ErrNotFound) || err == nil && len(list) == 0 {
		return found, fmt.Errorf("no such OTP: a record is kept for %s after its PIN's end (OTPGW_RETENTION)", a.live.Load().config.Retention)
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
func (a *admin) whole(one otp.Way) way {
	w := way{Way: one}
	for _, s := range one.Steps {
		s.Says = says(one, s)
		w.Steps = append(w.Steps, wayStep{Step: s})
	}
	for _, t := range a.dispatch.Told(one.OtpID) {
		w.Steps = append(w.Steps, wayStep{otp.Step{At: t.At, Kind: stepCallback, Says: saysTold(t)}, &t})
	}
	slices.SortStableFunc(w.Steps, func(a, b wayStep) int { return a.At.Compare(b.At) })
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

// wayPath is of `otpgw ctl otp`.
func wayPath(args []string) string {
	return waysPath + "?of=" + url.QueryEscape(strings.Join(args, " "))
}

// showWays prints each OTP as a timeline.
func showWays(w io.Writer, body []byte) error {
	var found foundWays
	if err := json.Unmarshal(body, &found); err != nil {
		return err
	}
	for i, one := range found.OTPs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s  %s  %s (%s)  from %s  %s\n", one.OtpID, one.App, one.Number, one.Country, one.From, one.Status)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, s := range one.Steps {
			fmt.Fprintf(tw, "  %s\t+%.3f s\t%s\n", s.At.UTC().Format("2006-01-02 15:04:05.000"), s.At.Sub(one.Steps[0].At).Seconds(), s.Says)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	if found.More {
		fmt.Fprintln(w, "\nthere are older ones")
	}
	return nil
}
