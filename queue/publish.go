package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
)

// Times of one operation.
const (
	attemptTimeout = 2 * time.Second  // a write whose leader died hangs until this ends
	opTimeout      = 10 * time.Second // for a context that brings no deadline
	firstPause     = 20 * time.Millisecond
	longestPause   = 500 * time.Millisecond
)

// Message is one message of a work queue.
type Message struct {
	Subject string // sms.<route>, events.<...>, parked.<...>
	ID      string // the same ID within two minutes is stored once; empty for any
	Key     string // names it in its queue, where a message with the same key is replaced; empty for a random one
	Group   string // whose share of the queue it takes: an application, a link
	Data    []byte
	Format  uint8         // of Data; 0, or a newer one that daemons have to know to be handed it, see Understood
	TTL     time.Duration // gone from the queue after this; 0 for never
}

// Publish stores a message of a work queue and returns when it is stored, or was before under the same ID.
// ErrFull: nothing was stored.
func (q *Queue) Publish(ctx context.Context, m Message) error {
	err := q.Commit(ctx, q.Begin().Message(m))
	if m.ID != "" && errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

// retry runs one attempt after another until it succeeds, fails for good, or ctx ends.
func (q *Queue) retry(ctx context.Context, attempt func(context.Context) error) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, opTimeout)
		defer cancel()
	}
	if impatient(ctx) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, q.patience+impatientMore)
		defer cancel()
	}
	pause := backoff.Backoff{First: firstPause, Longest: longestPause}
	for {
		err := q.once(ctx, attempt)
		if err == nil || !isTransient(err) {
			return classify(err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w (last attempt: %w)", ErrUnavailable, ctx.Err(), err)
		case <-q.closing:
			return fmt.Errorf("%w: shutting down", ErrUnavailable)
		case <-time.After(pause.Next()):
		}
	}
}

func (q *Queue) once(ctx context.Context, attempt func(context.Context) error) error {
	most := attemptTimeout
	if impatient(ctx) {
		most = impatientTry
	}
	ctx, i := q.on(ctx)
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err := attempt(ctx)
	q.unanswered(i, err)
	return err
}

// wholeSeconds rounds up: the server cuts a TTL to seconds and refuses less than one.
func wholeSeconds(d time.Duration) time.Duration {
	return max(d+time.Second-1, time.Second).Truncate(time.Second)
}

// checkSubject keeps out what would not be a subject, or would be a pattern.
func checkSubject(s string) error {
	if s == "" || len(s) > 512 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return fmt.Errorf("%w: %q", ErrName, s)
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '*' || c == '>' || c >= 0x7f {
			return fmt.Errorf("%w: %q", ErrName, s)
		}
	}
	return nil
}

// Token turns any text, for instance a carrier's message id, into one token of a key or subject. Different
// texts give different tokens. Letters, digits, - and _ stay as they are; other bytes become =XX.
func Token(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s)) // seldom more
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'=', hex[c>>4], hex[c&15]})
		}
	}
	if s == "" {
		return "="
	}
	return b.String()
}
