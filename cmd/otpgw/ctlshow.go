package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/otp"
)

func showRaw(w io.Writer, body []byte) error {
	_, err := w.Write(body)
	return err
}

func showJSON(w io.Writer, body []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(body), "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, &b)
	return err
}

func showLink(w io.Writer, body []byte) error {
	return showLinks(w, slices.Concat([]byte("["), body, []byte("]")))
}

func showLinks(w io.Writer, body []byte) error {
	var links []operator.LinkState
	if err := json.Unmarshal(body, &links); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "LINK\tBIND\tSTATE\tFOR\tIN FLIGHT\tPARTS/S\tWHY")
	for _, l := range links {
		for _, b := range l.Binds {
			state := b.State
			if l.Paused {
				state += ", paused"
			}
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\t%v\t%s\n", l.Link, b.Bind, state, time.Since(b.Since).Round(time.Second), b.InFlight, l.Rate.Accepted,
				strings.Trim(b.Error+"; "+b.Advice, "; "))
		}
	}
	return tw.Flush()
}

func showRoutes(w io.Writer, body []byte) error {
	var routes []operator.RouteState
	if err := json.Unmarshal(body, &routes); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ROUTE\tPREFIXES\tLINKS\tWAITING\tIN FLIGHT\t")
	for _, r := range routes {
		var links []string
		for _, l := range r.Links {
			links = append(links, fmt.Sprintf("%s:%d", l.Name, l.Priority))
		}
		note := ""
		if r.Degraded {
			note = "degraded: no preferred link can send"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%s\n", r.Route, strings.Join(r.Prefixes, ","), strings.Join(links, ","), r.Waiting, r.InFlight, note)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return showScores(w, routes)
}

// showScores says how the links of routes do that have several.
func showScores(w io.Writer, routes []operator.RouteState) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	some := false
	for _, r := range routes {
		for _, l := range r.Scores {
			if !some {
				some = true
				due := "SHARE"
				if r.Sharing != config.RoutingOn {
					due = "WOULD GET" // it is observed only
				}
				fmt.Fprintf(tw, "\nROUTE\tCOUNTRY\tLINK\tOF THE LAST\tVERIFIED\tLATE\tSCORE\t%s\t\n", due)
			}
			note := ""
			if l.Slow {
				note = "slow: its messages are delivered late"
			}
			fmt.Fprintf(tw, "%s\t%s\t%s\t%g\t%g\t%.0f %%\t%g\t%.1f %%\t%s\n", r.Route, l.Country, l.Link.Link, l.Sent, l.Verified, 100*l.Late, l.Share, 100*l.Due, note)
		}
	}
	return tw.Flush()
}

func showQuotas(w io.Writer, body []byte) error {
	var states []otp.QuotaState
	if err := json.Unmarshal(body, &states); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "APPLICATION\tQUOTA\tUSED\tOF\tPERCENT\tUNTIL")
	for _, s := range states {
		fmt.Fprintf(tw, "%s\t%s\t%g\t%g\t%g\t%s\n", s.App, s.Quota, s.Used, s.Max, s.Percent, s.Until.Format(time.RFC3339))
	}
	return tw.Flush()
}

// showWays prints each OTP as a timeline.
func showWays(w io.Writer, body []byte) error {
	var found operator.Ways
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

func showStates(w io.Writer, body []byte) error {
	var l operator.States
	if err := json.Unmarshal(body, &l); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "DAEMON\tPOSITION\tSTATE")
	for _, s := range l.States {
		if s.Error != "" {
			fmt.Fprintf(tw, "%s\t\t%s\n", s.Daemon, s.Error)
			continue
		}
		fmt.Fprintf(tw, "%s\t%d\t%s\n", s.Daemon, s.Position, s.Hash)
	}
	return tw.Flush()
}
