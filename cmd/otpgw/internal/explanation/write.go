package explanation

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Write prints it for people, the verdict last.
func (e Explanation) Write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(tw, "%s\t%s\n", name, value)
		}
	}
	row("application", e.App)
	row("number", e.Number+", "+e.Country)
	row("route", e.Route+", "+e.WhyRoute)
	row("link", "the first link that can send of: "+e.order())
	from := e.From
	if e.WhyFrom != "" {
		from += " (" + e.WhyFrom + ")"
	}
	row("sender", from)
	row("text", e.Text)
	row("chosen", e.WhyText)
	row("registered", e.Registered)
	row("TLVs", strings.Join(e.TLVs, ", "))
	row("encoding", fmt.Sprintf("%s, %d part(s)", e.Encoding, e.Parts))
	row("cost", fmt.Sprintf("%g", e.Cost))
	row("valid", e.Valid)
	row("risk", strings.Join(e.Risks, ", "))
	for _, note := range e.Notes {
		row("note", note)
	}
	for _, r := range e.Refusals {
		row("REFUSED", r.String())
	}
	if len(e.Refusals) == 0 {
		row("answer", e.taken())
	}
	return tw.Flush()
}

func (e Explanation) taken() string {
	if e.Asked {
		return "the request would be taken"
	}
	return "nothing in the configuration refuses it"
}

func (r Refusal) String() string {
	text := fmt.Sprintf("%d: %s", r.Code, r.Message)
	if !r.Until.IsZero() {
		text += "; until " + r.Until.UTC().Format(time.DateTime) + " UTC"
	}
	return text
}

// order names the links as they are tried.
func (e Explanation) order() string {
	var b strings.Builder
	for i, l := range e.Links {
		switch before := e.Links[max(i-1, 0)]; {
		case i == 0:
		case l.Priority == before.Priority:
			b.WriteString(", beside ")
		default:
			b.WriteString(", then ")
		}
		b.WriteString(l.Name)
		var about []string
		if l.Weight > 0 {
			about = append(about, fmt.Sprintf("weight %d", l.Weight))
		}
		if l.State != "" {
			about = append(about, l.State)
		}
		if len(about) > 0 {
			b.WriteString(" (" + strings.Join(about, ", ") + ")")
		}
	}
	return b.String()
}
