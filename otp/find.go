package otp

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp/internal/strictjson"
)

// Bounds of a page of Find.
const (
	defaultPage = 20
	maxPage     = 100
)

// Query asks for the OTPs of a number.
type Query struct {
	Phone    string    // E.164
	From     time.Time // made at or after; zero for any
	To       time.Time // made before; zero for any
	After    string    // otpId of the last one of the page before; empty for the first page
	PageSize int
}

// Found is a page of OTPs, the newest first.
type Found struct {
	Data []Otp   `json:"data"`
	Next *string `json:"next"` // to be given as after; null on the last page
}

// ParseQuery reads the query of GET /otp.
func ParseQuery(values url.Values) (Query, error) {
	var f faults
	for _, name := range []string{"phoneNumber", "countryIso", "from", "to", "limit", "after"} {
		if len(values[name]) > 1 { // a proxy may have looked at another one
			f.add(CodeQuery, "The parameter '"+name+"' is there twice")
		}
	}
	number := values.Get("phoneNumber")
	if strings.HasPrefix(number, " ") { // a "+" that was not encoded
		number = "+" + strings.TrimSpace(number)
	}
	text := func(s string) strictjson.Value {
		if s == "" {
			return strictjson.Value{}
		}
		return strictjson.Value{Kind: strictjson.Text, Text: s}
	}
	q := Query{Phone: f.phone(text(number), text(values.Get("countryIso"))).E164, PageSize: defaultPage}
	q.From, q.To = f.day("from", values.Get("from")), f.day("to", values.Get("to"))
	if limit := values.Get("limit"); limit != "" {
		n, err := strconv.Atoi(limit)
		if q.PageSize = n; err != nil || n < 1 || n > maxPage {
			f.add(CodeQuery, fmt.Sprintf("The parameter 'limit' is not a number from 1 to %d", maxPage))
		}
	}
	if after := values.Get("after"); after != "" {
		id, ok := canonicalID(after)
		if q.After = id; !ok {
			f.add(CodeQuery, "The parameter 'after' is not the 'next' of a page")
		}
	}
	if f.lowest != nil {
		return Query{}, f.lowest
	}
	return q, nil
}

// day reads a time, or a day, which begins at midnight UTC. A "+" that was not encoded is a space.
func (f *faults) day(name, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, strings.ReplaceAll(text, " ", "+")); err == nil {
			return at
		}
	}
	f.add(CodeQuery, "The parameter '"+name+"' is not a day or a time, like 2026-11-23 or 2026-11-23T05:36:03Z")
	return time.Time{}
}

// Find lists an application's OTPs of a number, while their records stay. It looks through all records, so
// one question is answered at a time.
func (s *Service) Find(ctx context.Context, app *App, q Query) (Found, error) {
	s.finding.Lock()
	defer s.finding.Unlock()
	var last *Record
	if q.After != "" {
		r, _, err := s.load(ctx, q.After, app.Name)
		if err != nil {
			return Found{}, err
		}
		last = r
	}
	page, err := s.newest(ctx, app.Name, q, last)
	if err != nil {
		return Found{}, storeError(err)
	}
	found := Found{Data: []Otp{}}
	for _, r := range page[:min(len(page), q.PageSize)] {
		o, err := s.shownAt(ctx, r, s.now())
		if err != nil {
			return Found{}, err
		}
		found.Data = append(found.Data, o)
	}
	if len(page) > q.PageSize {
		next := page[q.PageSize-1].ID
		found.Next = &next
	}
	return found, nil
}

// newest keeps the newest records that fit and come after last: as many as a page has, and one more. app ""
// is any.
func (s *Service) newest(ctx context.Context, app string, q Query, last *Record) ([]*Record, error) {
	var page []*Record
	phone := []byte(q.Phone)
	err := s.Queue.Records().Each(ctx, func(id string, value []byte) bool {
		if !bytes.Contains(value, phone) { // a record has its number as it is; most are another's, and need not be decoded
			return true
		}
		r, err := decodeRecord(id, value)
		if err != nil || app != "" && r.App != app || r.Phone != q.Phone || !q.covers(r.Created) ||
			last != nil && newerFirst(last, r) >= 0 {
			return true
		}
		i, twice := slices.BinarySearchFunc(page, r, newerFirst) // one that is changed meanwhile may be seen twice
		if i <= q.PageSize && !twice {
			page = slices.Insert(page, i, r)
			page = page[:min(len(page), q.PageSize+1)]
		}
		return true
	})
	return page, err
}

func (q Query) covers(at time.Time) bool {
	return !at.Before(q.From) && (q.To.IsZero() || at.Before(q.To))
}

// newerFirst orders records; those of one second by id.
func newerFirst(a, b *Record) int {
	if c := b.Created.Compare(a.Created); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}
