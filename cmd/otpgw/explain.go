package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/text/language"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/country"
	"github.com/otpgw/otpgw/smpp/link"
)

// explainCommand tells what a request would get, and why, without a running gateway and without sending
// anything.
func explainCommand(flags *flag.FlagSet) func(context.Context, cli) int {
	to := flags.String("to", "", "")
	app := flags.String("app", "", "")
	from := flags.String("from", "", "")
	templates := templateFlags(flags)
	network := flags.String("network", "", "")
	return func(ctx context.Context, c cli) int {
		conf, err := c.load(ctx)
		if err != nil {
			return complain(c.stderr, err)
		}
		if err := explain(c, conf, *to, *app, *from, templates, otp.Network(*network)); err != nil {
			fmt.Fprintf(c.stderr, "otpgw explain: %v\n", err)
			return exitUsage
		}
		return exitOK
	}
}

// templateFlags are -template and, for each language that has a code of two letters, -template-bg; by the names
// that a request has for them.
func templateFlags(flags *flag.FlagSet) map[string]string {
	templates := make(map[string]string)
	declare := func(name string) {
		flags.Func(name, "", func(text string) error {
			templates[strings.ReplaceAll(name, "-", "_")] = text
			return nil
		})
	}
	declare("template")
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			if code := string([]rune{a, b}); isLanguage(code) {
				declare("template-" + code)
			}
		}
	}
	return templates
}

func isLanguage(code string) bool {
	_, err := language.ParseBase(code)
	return err == nil
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

func explain(c cli, conf *config.Config, to, name, from string, templates map[string]string, network string) error {
	app, err := appNamed(conf, name)
	if err != nil {
		return err
	}
	request := map[string]string{"phoneNumber": to}
	if from != "" {
		request["from"] = from
	}
	maps.Copy(request, templates)
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	n, err := otp.ParseNewOtp(body, app, config.SenderRule, func(netip.Addr) bool { return true })
	if err != nil {
		return err
	}
	traffic := otp.Traffic{App: app.Name, From: n.From, To: n.Phone.E164, Network: network}
	route, err := conf.Route(traffic)
	if err != nil {
		return fmt.Errorf("%s (%s): give a route that prefix, or none", n.Phone.E164, err)
	}
	text := n.Render("explain", strings.Repeat("0", n.PINLength))
	parts, encoding := newLive(conf).measure(route, text)
	tw := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"application", app.Name}, {"number", n.Phone.E164 + ", " + n.Phone.Country}, {"route", route + ", " + conf.WhyRoute(traffic)}, {"link", whyLinks(conf, route)},
		{"sender", whySender(app, n, from)}, {"text", text}, {"chosen", whyTemplate(n)}, {"registered", whyRegistered(app, n, text)}, {"TLVs", whyTLVs(conf, app, n, route)},
		{"encoding", fmt.Sprintf("%s, %d part(s)", encoding, parts)},
		{"cost", fmt.Sprintf("%g", conf.Prices.Of(n.Phone.E164, network)*float64(parts))},
		{"valid", n.TTL.String()},
	} {
		if row[1] != "" {
			fmt.Fprintf(tw, "%s\t%s\n", row[0], row[1])
		}
	}
	return tw.Flush()
}

func whyLinks(conf *config.Config, route string) string {
	at := slices.IndexFunc(conf.Routes, func(r config.Route) bool { return r.Name == route })
	why := ""
	for i, l := range conf.Routes[at].Links {
		before := conf.Routes[at].Links[max(i-1, 0)]
		switch {
		case i == 0:
		case l.Priority == before.Priority:
			why += ", beside "
		default:
			why += ", then "
		}
		why += l.Name
		if l.Weight > 0 {
			why += fmt.Sprintf(" (weight %d)", l.Weight)
		}
	}
	return "the first link that can send of: " + why
}

func whySender(app *otp.App, n otp.NewOtp, from string) string {
	sender := n.From
	if from != "" && from != n.From {
		sender += fmt.Sprintf(" (%s is not among the application's senders there)", from)
	}
	f, ok := country.Of(n.Phone.Country).Sender(n.From, time.Now())
	switch {
	case !ok:
	case f.Refused && app.SenderRules == otp.SendersEnforced:
		sender += "; the request is refused: " + f.Text
	default:
		sender += "; " + f.Text
	}
	return sender
}

func whyTemplate(n otp.NewOtp) string {
	if n.Language != "" {
		return "the template in " + n.Language + ", spoken in " + n.Phone.Country
	}
	return "the plain template: none is in a language of " + n.Phone.Country
}

// whyRegistered is about the text that is registered in India.
func whyRegistered(app *otp.App, n otp.NewOtp, text string) string {
	if n.Phone.Country != country.India {
		return ""
	}
	switch t := app.RegisteredText(n.Language); {
	case t == nil:
		return "no text: DLT_TEXT is not set"
	case !t.Match(text):
		return "another text, so the request is refused: " + t.String()
	}
	return "this text"
}

// whyTLVs are the optional parameters over the route's preferred link.
func whyTLVs(conf *config.Config, app *otp.App, n otp.NewOtp, route string) string {
	first := newLive(conf).firstLink(route)
	at := slices.IndexFunc(conf.Links, func(l link.Config) bool { return l.Name == first })
	if at < 0 {
		return ""
	}
	var all []string
	for _, t := range conf.Links[at].Parameters(app.TLVsOf(n.Phone.Country, n.Language)) {
		all = append(all, fmt.Sprintf("0x%04X=%q", t.Tag, t.Value))
	}
	return strings.Join(all, ", ")
}
