// Package conversion counts how many OTPs of an application were sent and how many of those were verified, by
// day, country and link.
//
//	otp -> counts of the groups Country and Link (once a second) -> the store -> Read -> api
//
// The counts are those of package counts, under names that tell no application.
package conversion

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/otp/internal/counts"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/queue/seal"
)

// Row is how many OTPs of a day were sent and how many of those were verified: to a country, or
// over a link.
type Row struct {
	Day      string  `json:"day"` // UTC, of the POST
	Country  string  `json:"country,omitempty"`
	Link     string  `json:"link,omitempty"`
	Sent     int     `json:"sent"`
	Verified int     `json:"verified"`
	Share    float64 `json:"share"` // 0 to 1
}

// Report is what became of an application's OTPs in the last days, the newest day first. An OTP counts
// for the link that its message went over, once something was heard of it there; so the rows of links may sum
// to less than those of countries.
type Report struct {
	Countries []Row `json:"countries"`
	Links     []Row `json:"links"`
}

const readers = 16

// The kinds of groups.
const (
	own       = "conversion:" // begins them
	byCountry = own + "country"
	byLink    = own + "link"
)

// Country is an application's OTPs to a country.
func Country(app, country string) counts.Group {
	return counts.Group{Kind: byCountry, App: app, Name: country}
}

// Link is those that a link carries.
func Link(app, link string) counts.Group {
	return counts.Group{Kind: byLink, App: app, Name: link}
}

// Key is what the store calls a group of this package.
func Key(box *seal.Box, g counts.Group) string {
	return "conversion." + box.Name("conversion:"+g.App, strings.TrimPrefix(g.Kind, own)) + "." + g.Name
}

// Book is where it is counted.
type Book struct {
	Counter *counts.Counter
	Store   counts.Store
}

// Read reads the counts of an application for every country and for some links; they are a second behind at
// most.
func (b Book) Read(ctx context.Context, app string, links []string) (Report, error) {
	countries := append(phone.Countries(), phone.NoCountry)
	countryRows, err := b.rows(ctx, app, Country, countries, func(row *Row, name string) { row.Country = name })
	if err != nil {
		return Report{}, err
	}
	linkRows, err := b.rows(ctx, app, Link, links, func(row *Row, name string) { row.Link = name })
	return Report{countryRows, linkRows}, err
}

func (b Book) rows(ctx context.Context, app string, group func(app, name string) counts.Group, names []string, set func(*Row, string)) ([]Row, error) {
	rows := []Row{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, name := range names {
		g.Go(func() error {
			t := b.Counter.Of(ctx, b.Store, group(app, name))
			mu.Lock()
			defer mu.Unlock()
			for day, sent := range t.SentDays {
				row := Row{Day: time.Unix(day*86400, 0).UTC().Format(time.DateOnly), Sent: sent, Verified: t.Days[day]}
				if sent > 0 {
					row.Share = float64(row.Verified) / float64(sent)
				}
				set(&row, name)
				rows = append(rows, row)
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(x, y Row) int {
		if c := strings.Compare(y.Day, x.Day); c != 0 {
			return c
		}
		return strings.Compare(x.Country+x.Link, y.Country+y.Link)
	})
	return rows, nil
}
