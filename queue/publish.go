package queue

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// Times of one operation.
const (
	attemptTimeout = 2 * time.Second  // a write whose leader died hangs until this ends
	opTimeout      = 10 * time.Second // for a context that brings no deadline
	firstPause     = 20 * time.Millisecond
	longestPause   = 500 * time.Millisecond
)

// timerShards is the number of subjects timers fire on.
const timerShards = 16

// timerSpread is added to a timer at random, upward only: many due in one instant stall their stream.
const timerSpread = 250 * time.Millisecond

// Message is one message to store. Header must not hold names that begin with Nats-.
type Message struct {
	Subject string
	ID      string // Nats-Msg-Id: the same ID within the stream's window is stored once; empty for a random one
	Data    []byte
	TTL     time.Duration // gone from the stream after this, in whole seconds rounded up; 0 for the stream's own age
	Header  map[string]string
}

// Publish stores m and returns when it is stored. Each attempt takes two seconds at most and is repeated under the same
// ID until ctx ends (ten seconds when ctx has no deadline). ErrFull: nothing was stored. ErrUnavailable: unknown.
func (q *Queue) Publish(ctx context.Context, m Message) error {
	if err := checkSubject(m.Subject); err != nil {
		return err
	}
	id := m.ID
	if id == "" {
		id = nuid.Next()
	}
	msg := nats.NewMsg(m.Subject)
	msg.Data = m.Data
	for k, v := range m.Header {
		msg.Header.Set(k, v)
	}
	opts := []jetstream.PublishOpt{jetstream.WithMsgID(id)}
	if m.TTL > 0 {
		opts = append(opts, jetstream.WithMsgTTL(wholeSeconds(m.TTL)))
	}
	return q.retry(ctx, func(ctx context.Context) error {
		_, err := q.stream().PublishMsg(ctx, msg, opts...)
		return err
	})
}

// Schedule stores data to appear on the timers' work queue at the given time, or up to half a second later. A time past
// fires at once. The same id again replaces the earlier timer. The raw header is used because the client's WithScheduleAt
// cuts the time to the second and so fires early.
func (q *Queue) Schedule(ctx context.Context, id string, at time.Time, data []byte) error {
	at = at.Add(rand.N(timerSpread))
	return q.Publish(ctx, Message{
		Subject: "timer." + id,
		ID:      "timer." + id + "." + strconv.FormatInt(at.UnixNano(), 36),
		Data:    data,
		Header: map[string]string{
			jetstream.ScheduleHeader:       "@at " + at.UTC().Format(time.RFC3339Nano),
			jetstream.ScheduleTargetHeader: "expire." + shard(id),
		},
	})
}

// Unschedule takes back a timer that has not fired. It is no error when there is none.
func (q *Queue) Unschedule(ctx context.Context, id string) error {
	subject := "timer." + id
	if err := checkSubject(subject); err != nil {
		return err
	}
	return q.retry(ctx, func(ctx context.Context) error {
		s, err := q.stream().Stream(ctx, streamTimers)
		if err != nil {
			return err
		}
		return s.Purge(ctx, jetstream.WithPurgeSubject(subject))
	})
}

func shard(id string) string {
	h := fnv.New32a()
	h.Write([]byte(id))
	return strconv.FormatUint(uint64(h.Sum32()%timerShards), 10)
}

// retry runs one attempt after another until it succeeds, fails for good, or ctx ends.
func (q *Queue) retry(ctx context.Context, attempt func(context.Context) error) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, opTimeout)
		defer cancel()
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := q.once(ctx, attempt)
		if err == nil || !isTransient(err) {
			return classify(err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w (last attempt: %w)", ErrUnavailable, ctx.Err(), err)
		case <-q.closing:
			return fmt.Errorf("%w: shutting down", ErrUnavailable)
		case <-time.After(pause):
		}
	}
}

func (q *Queue) once(ctx context.Context, attempt func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return attempt(ctx)
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

// Token turns any text, for instance a carrier's message id, into one token of a key or subject. Different texts give
// different tokens. Letters, digits, - and _ stay as they are; other bytes become =XX.
func Token(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
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
