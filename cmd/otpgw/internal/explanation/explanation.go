// Package explanation tells what a request for an OTP would get and why, and why it would be refused.
//
//	Request + configuration -> Of -> Explanation -> (a running gateway's store) Standing -> Write, JSON
//
// What the configuration alone decides is told without a gateway; what only a store knows, who has opted out
// and which quotas are used up, a running one adds. Nothing is sent, stored or counted.
package explanation

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/country"
	"github.com/otpgw/otpgw/smpp/link"
)

// Request is what would be asked for, as POST /explain of the operator's port takes it.
type Request struct {
	To        string            `json:"to"`
	App       string            `json:"app,omitempty"` // empty: the only one
	From      string            `json:"from,omitempty"`
	Templates map[string]string `json:"templates,omitempty"` // template, template_bg and so on
	Network   string            `json:"network,omitempty"`   // MCC and MNC of the number
}

// Explanation is what the request would get.
type Explanation struct {
	App        string    `json:"app"`
	Number     string    `json:"number"`
	Country    string    `json:"country"`
	Route      string    `json:"route"`
	WhyRoute   string    `json:"whyRoute"`
	Links      []Link    `json:"links"` // in the order in which they are tried
	From       string    `json:"from"`
	WhyFrom    string    `json:"whyFrom,omitempty"`
	Text       string    `json:"text"` // with zeros for the PIN
	WhyText    string    `json:"whyText"`
	Registered string    `json:"registered,omitempty"` // India's template
	TLVs       []string  `json:"tlvs,omitempty"`
	Encoding   string    `json:"encoding"`
	Parts      int       `json:"parts"`
	Cost       float64   `json:"cost"`
	Valid      string    `json:"valid"`
	Refusals   []Refusal `json:"refusals"` // why it would be refused; none: it would be taken, as far as is known
	Risks      []string  `json:"risks,omitempty"`
	Notes      []string  `json:"notes,omitempty"`
	Asked      bool      `json:"asked"` // whether a running gateway has told what its store knows
}

// Link is one that the message may take.
type Link struct {
	config.RouteLink
	State string `json:"state,omitempty"` // up, down or paused, where a running gateway said so
}

// Refusal is an error that POST /otp would answer with.
type Refusal struct {
	Code    otp.Code  `json:"code"`
	Message string    `json:"message"`
	Until   time.Time `json:"until,omitzero"` // when it is worth trying again
}

// Measure says in how many parts a text goes over a route, and in which encoding.
type Measure func(route, text string) (parts int, encoding string)

// Parse is the request as the API would read it.
func Parse(conf *config.Config, r Request) (*otp.App, otp.NewOtp, error) {
	at := slices.IndexFunc(conf.Apps, func(a otp.App) bool { return a.Name == r.App || r.App == "" && len(conf.Apps) == 1 })
	if at < 0 {
		return nil, otp.NewOtp{}, fmt.Errorf("-app is to be one of OTPGW_APPS, not %q", r.App)
	}
	request := map[string]string{"phoneNumber": r.To}
	if r.From != "" {
		request["from"] = r.From
	}
	maps.Copy(request, r.Templates)
	body, err := json.Marshal(request)
	if err != nil {
		return nil, otp.NewOtp{}, err
	}
	n, err := otp.ParseNewOtp(body, &conf.Apps[at], config.SenderRule, func(netip.Addr) bool { return true })
	return &conf.Apps[at], n, err
}

// Of explains a request by a configuration. wanted is the route that a lookup asked for; empty: none.
func Of(conf *config.Config, measure Measure, r Request, wanted string) (Explanation, error) {
	app, n, err := Parse(conf, r)
	if err != nil {
		return Explanation{}, err
	}
	network := otp.Network(r.Network)
	traffic := otp.Traffic{App: app.Name, From: n.From, To: n.Phone.E164, Network: network, Wanted: wanted}
	route, err := conf.Route(traffic)
	if err != nil {
		return Explanation{}, fmt.Errorf("%s (%s): give a route that prefix, or none", n.Phone.E164, err)
	}
	text := n.Render("explain", strings.Repeat("0", n.PINLength))
	e := Explanation{App: app.Name, Number: n.Phone.E164, Country: n.Phone.Country, Route: route, WhyRoute: conf.WhyRoute(traffic), From: n.From, Text: text, WhyText: whyTemplate(n),
		Valid: n.TTL.String(), Refusals: []Refusal{}}
	if wanted != "" && route == wanted {
		e.WhyRoute = "asked for by the lookup"
	}
	at := slices.IndexFunc(conf.Routes, func(r config.Route) bool { return r.Name == route })
	for _, l := range conf.Routes[at].Links {
		e.Links = append(e.Links, Link{RouteLink: l})
	}
	e.Parts, e.Encoding = measure(route, text)
	e.Cost = conf.Prices.Of(n.Phone.E164, network) * float64(e.Parts)
	e.whySender(app, n, r.From)
	e.whyRegistered(app, n, text)
	e.TLVs = parameters(conf, app, n, e.Links)
	return e, nil
}

func (e *Explanation) refuse(code otp.Code, message string) {
	e.Refusals = append(e.Refusals, Refusal{Code: code, Message: message})
}

func (e *Explanation) whySender(app *otp.App, n otp.NewOtp, asked string) {
	if asked != "" && asked != n.From {
		e.WhyFrom = asked + " is not among the application's senders there"
	}
	f, ok := country.Of(n.Phone.Country).Sender(n.From, time.Now())
	if !ok {
		return
	}
	e.WhyFrom = strings.TrimPrefix(e.WhyFrom+"; "+f.Text, "; ")
	if f.Refused && app.SenderRules != otp.SendersAny && app.SenderRules != otp.SendersWarned {
		e.refuse(otp.CodeFromInvalid, f.Text)
	}
}

func whyTemplate(n otp.NewOtp) string {
	if n.Language != "" {
		return "the template in " + n.Language + ", spoken in " + n.Phone.Country
	}
	return "the plain template: none is in a language of " + n.Phone.Country
}

// whyRegistered is about the text that is registered in India.
func (e *Explanation) whyRegistered(app *otp.App, n otp.NewOtp, text string) {
	if n.Phone.Country != country.India {
		return
	}
	switch t := app.RegisteredText(n.Language); {
	case t == nil:
		e.Registered = "no text: DLT_TEXT is not set"
	case !t.Match(text):
		e.Registered = "another text: " + t.String()
		e.refuse(otp.CodeTemplate, "the text is not the one registered in India")
	default:
		e.Registered = "this text"
	}
}

// parameters are the optional parameters over the route's preferred link.
func parameters(conf *config.Config, app *otp.App, n otp.NewOtp, links []Link) (all []string) {
	at := slices.IndexFunc(conf.Links, func(l link.Config) bool { return len(links) > 0 && l.Name == links[0].Name })
	if at < 0 {
		return nil
	}
	for _, t := range conf.Links[at].Parameters(app.TLVsOf(n.Phone.Country, n.Language)) {
		all = append(all, fmt.Sprintf("0x%04X=%q", t.Tag, t.Value))
	}
	return all
}
