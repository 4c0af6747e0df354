package otp

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/otpgw/otpgw/otp/phone"
	"golang.org/x/sync/errgroup"
)

// ConversionRow is how many OTPs of a day were sent and how many of those were verified: to a country, or
// over a link.
type ConversionRow struct {
	Day      string  `json:"day"` // UTC, of the POST
	Country  string  `json:"country,omitempty"`
	Link     string  `json:"link,omitempty"`
	Sent     int     `json:"sent"`
	Verified int     `json:"verified"`
	Share    float64 `json:"share"` // 0 to 1
}

// Conversion is what became of an application's OTPs in the last days, the newest day first. An OTP counts
// for the link that its message went over, once something was heard of it there; so the rows of links may sum
// to less than those of countries.
type Conversion struct {
	Countries []ConversionRow `json:"countries"`
	Links     []ConversionRow `json:"links"`
}

const conversionReaders = 16

// converted counts for Conversion, as count does for the guard, and whatever the guard's settings are.
func (s *Service) converted(r *Record, sent, verified int) {
	if !r.Test {
		s.counter.Add(s.conversionKey(r.App, "country", r.Country), r.Created, sent, verified)
	}
}

// convertedOver counts for the link that carries an OTP.
func (s *Service) convertedOver(r *Record, sent, verified int) {
	if !r.Test && r.Link != "" {
		s.counter.Add(s.conversionKey(r.App, "link", r.Link), r.Created, sent, verified)
	}
}

func (s *Service) conversionKey(app, by, name string) string {
	return "conversion." + s.Box.Name("conversion:"+app, by) + "." + name
}

// Conversion reads the counts of an application; they are a second behind at most.
func (s *Service) Conversion(ctx context.Context, app *App) (Conversion, error) {
	countries := append(phone.Countries(), phone.NoCountry)
	var links []string
	if s.Links != nil {
		links = s.Links()
	}
	byCountry, err := s.conversionBy(ctx, app, "country", countries, func(row *ConversionRow, name string) { row.Country = name })
	if err != nil {
		return Conversion{}, err
	}
	byLink, err := s.conversionBy(ctx, app, "link", links, func(row *ConversionRow, name string) { row.Link = name })
	return Conversion{byCountry, byLink}, err
}

func (s *Service) conversionBy(ctx context.Context, app *App, by string, names []string, set func(*ConversionRow, string)) ([]ConversionRow, error) {
	rows := []ConversionRow{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(conversionReaders)
	for _, name := range names {
		g.Go(func() error {
			t := s.countsOf(ctx, s.conversionKey(app.Name, by, name))
			mu.Lock()
			defer mu.Unlock()
			for day, sent := range t.SentDays {
				row := ConversionRow{Day: time.Unix(day*86400, 0).UTC().Format(time.DateOnly), Sent: sent, Verified: t.Days[day]}
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
		return nil, storeError(err)
	}
	slices.SortFunc(rows, func(a, b ConversionRow) int {
		if c := strings.Compare(b.Day, a.Day); c != 0 {
			return c
		}
		return strings.Compare(a.Country+a.Link, b.Country+b.Link)
	})
	return rows, nil
}
