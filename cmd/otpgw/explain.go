package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"strings"
	"text/tabwriter"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/otp"
)

// explainCommand tells what a request would get, and why, without a running gateway and without sending anything.
func explainCommand(flags *flag.FlagSet) func(context.Context, cli) int {
	to := flags.String("to", "", "")
	app := flags.String("app", "", "")
	from := flags.String("from", "", "")
	template := flags.String("template", "", "")
	return func(ctx context.Context, c cli) int {
		conf, err := c.load(ctx)
		if err != nil {
			return complain(c.stderr, err)
		}
		if err := explain(c, conf, *to, *app, *from, *template); err != nil {
			fmt.Fprintf(c.stderr, "otpgw explain: %v\n", err)
			return exitUsage
		}
		return exitOK
	}
}

// appNamed is the application of that name; without one the only one there is.
func appNamed(conf *config.Config, name string) (*otp.App, error) {
	for i := range conf.Apps {
		if conf.Apps[i].Name == name || name == "" && len(conf.Apps) == 1 {
			return &conf.Apps[i], nil
		}
	}
	return nil, fmt.Errorf("-app is to be one of OTPGW_APPS, not %q", name)
}

func explain(c cli, conf *config.Config, to, name, from, template string) error {
	app, err := appNamed(conf, name)
	if err != nil {
		return err
	}
	request := map[string]string{"phoneNumber": to}
	if from != "" {
		request["from"] = from
	}
	if template != "" {
		request["template"] = template
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	n, err := otp.ParseNewOtp(body, app, func(netip.Addr) bool { return true })
	if err != nil {
		return err
	}
	traffic := otp.Traffic{App: app.Name, From: n.From, To: n.Phone.E164}
	route, err := conf.Route(traffic)
	if err != nil {
		return fmt.Errorf("%s (%s): give a route that prefix, or none", n.Phone.E164, err)
	}
	text := n.Render("explain", strings.Repeat("0", n.PINLength))
	parts, encoding := newLive(conf).measure(route, text)
	why := "the first link that can send of: "
	for _, r := range conf.Routes {
		if r.Name != route {
			continue
		}
		for i, l := range r.Links {
			if i > 0 {
				why += ", then "
			}
			why += l.Name
		}
	}
	language := "the plain template: none is in a language of " + n.Phone.Country
	if n.Language != "" {
		language = "the template in " + n.Language + ", spoken in " + n.Phone.Country
	}
	sender := n.From
	if from != "" && from != n.From {
		sender += fmt.Sprintf(" (%s is not among the application's senders)", from)
	}
	tw := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"application", app.Name}, {"number", n.Phone.E164 + ", " + n.Phone.Country}, {"route", route + ", " + conf.WhyRoute(traffic)}, {"link", why},
		{"sender", sender}, {"text", text}, {"chosen", language},
		{"encoding", fmt.Sprintf("%s, %d part(s)", encoding, parts)},
		{"cost", fmt.Sprintf("%g", conf.Prices.Of(n.Phone.E164)*float64(parts))},
		{"valid", n.TTL.String()},
	} {
		fmt.Fprintf(tw, "%s\t%s\n", row[0], row[1])
	}
	return tw.Flush()
}
