// Package donotsend keeps the numbers that the operator sends no messages to, whatever the application:
// single ones, and all with a prefix. People's own wishes are package optout's.
//
// An entry is +46701234567, or +4670* for all that begin so. Entries are in the store, where an operator adds
// and removes them and all daemons see them, and in a file of the configuration. Service.Create and Resend of
// package otp ask both.
package donotsend

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/queue"
)

// Entry is a number or a prefix as it is written and stored.
type Entry string

// wildcard ends a prefix.
const wildcard = "*"

// digitsMost is the length of the longest number (E.164).
const digitsMost = 15

// Parse reads an entry as people write it: spaces, dashes and brackets in a number are taken as package phone
// does.
func Parse(s string) (Entry, error) {
	s = strings.TrimSpace(s)
	if prefix, ok := strings.CutSuffix(s, wildcard); ok {
		digits := strings.TrimPrefix(strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(prefix), "+")
		if digits == "" || len(digits) > digitsMost || strings.Trim(digits, "0123456789") != "" || digits[0] == '0' {
			return "", fmt.Errorf("%q is no prefix; write it with its country's code, like +4670*", s)
		}
		return Entry("+" + digits + wildcard), nil
	}
	n, ok := phone.Parse(s, "")
	if !ok {
		return "", fmt.Errorf("%q is no number; write it with its country's code, like +46701234567, and a prefix like +4670*", s)
	}
	return Entry(n.E164), nil
}

// Set is entries that do not change.
type Set map[Entry]struct{}

// Read reads a file: an entry in each line; what stands behind # is for people.
func Read(r io.Reader) (Set, error) {
	set := make(Set)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		e, err := Parse(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		set[e] = struct{}{}
	}
	return set, lines.Err()
}

// Has says whether a number is in the set, or begins as an entry says.
func (s Set) Has(e164 string) bool {
	if len(s) == 0 {
		return false
	}
	has, _ := matches(e164, func(entry []byte) (bool, error) { _, ok := s[Entry(entry)]; return ok, nil })
	return has
}

// matches asks for a number and for each of its prefixes, the longest first. What it hands out is good for the
// call only.
func matches(e164 string, has func(entry []byte) (bool, error)) (bool, error) {
	entry := []byte(e164 + wildcard)
	ok, err := has(entry[:len(e164)])
	for i := len(e164); i >= 2 && !ok && err == nil; i-- {
		entry[i] = wildcard[0]
		ok, err = has(entry[:i+1])
	}
	return ok, err
}

// Bucket is what the list needs of a queue.Bucket (queue.Queue.DoNotSend).
type Bucket interface {
	Len() int
	Near(key string) (queue.Entry, error)
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error)
	Delete(ctx context.Context, key string) error
	Each(ctx context.Context, visit func(key string, value []byte) bool) error
}

// List is the entries in the store and those of the configuration.
type List struct {
	Bucket Bucket
	File   func() Set // as it is now
}

// Has says whether nothing is sent to a number. It costs some looks into memory; what another daemon added is
// seen milliseconds later.
func (l *List) Has(e164 string) (bool, error) {
	if l.File().Has(e164) {
		return true, nil
	}
	if l.Bucket.Len() == 0 { // one question tells whether that is known to be so
		return l.stored([]byte(e164))
	}
	return matches(e164, l.stored)
}

func (l *List) stored(entry []byte) (bool, error) {
	_, err := l.Bucket.Near(string(entry))
	if errors.Is(err, queue.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Add puts an entry into the store, with the time.
func (l *List) Add(ctx context.Context, e Entry) error {
	_, err := l.Bucket.Put(ctx, string(e), []byte(time.Now().UTC().Format(time.RFC3339)), 0)
	return err
}

// Remove takes an entry out of the store; what the file says stays.
func (l *List) Remove(ctx context.Context, e Entry) error { return l.Bucket.Delete(ctx, string(e)) }

// Item is an entry and where it is from.
type Item struct {
	Entry Entry  `json:"number"`
	Since string `json:"since,omitempty"`
	From  string `json:"from"` // store, or file
}

// Items are all entries, in order.
func (l *List) Items(ctx context.Context) ([]Item, error) {
	all := []Item{}
	for e := range l.File() {
		all = append(all, Item{Entry: e, From: "file"})
	}
	err := l.Bucket.Each(ctx, func(key string, value []byte) bool {
		all = append(all, Item{Entry: Entry(key), Since: string(value), From: "store"})
		return true
	})
	slices.SortFunc(all, func(a, b Item) int { return strings.Compare(string(a.Entry)+a.From, string(b.Entry)+b.From) })
	return all, err
}
