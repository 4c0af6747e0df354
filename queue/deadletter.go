package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// deadPage is the most dead letters one call lists.
const deadPage = 1000

// DeadLetter is a message its consumer gave up on. It must not hold a PIN or a message text in the clear.
type DeadLetter struct {
	Kind    string `json:"kind"` // one token: callback, receipt, ...
	Reason  string `json:"reason"`
	Subject string `json:"subject"` // where Replay publishes it
	Data    []byte `json:"data"`
	Key     string `json:"key,omitempty"`   // see Message
	Group   string `json:"group,omitempty"` // whose share it takes: a link, an application; empty: that of its kind

	Sequence uint64    `json:"-"` // set by DeadLetters; the handle for Replay
	Time     time.Time `json:"-"` // when it was given up
}

// DeadLetter stores d. At the bound of its share the oldest of its kind and group go, so that a flood of one
// peer's pushes nobody else's out.
func (q *Queue) DeadLetter(ctx context.Context, d DeadLetter) error {
	if err := checkSubject(d.Subject); err != nil {
		return err
	}
	data, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("queue: dead letter: %w", err)
	}
	msg := &nats.Msg{Subject: "dlq." + Token(d.Kind), Data: data}
	if d.Group != "" {
		msg.Subject += "." + Token(d.Group)
	}
	id := nuid.Next() // an attempt that was repeated is one dead letter
	return q.retry(ctx, func(ctx context.Context) error {
		_, err := q.streamIn(ctx).PublishMsg(ctx, msg, jetstream.WithMsgID(id))
		return err
	})
}

// DeadQuery chooses dead letters.
type DeadQuery struct {
	Kind     string // empty: all
	After    uint64 // sequences behind this one
	PageSize int    // most that are listed; at most 1,000
	Match    func(*DeadLetter) bool
}

// deadScan is how many dead letters one call looks at, at most: what matches may be far behind much that does
// not.
const deadScan = 5000

// FindDeadLetters lists dead letters, oldest first. next is where the list goes on (DeadQuery.After), 0 at
// its end; a list may go on though it is short, or empty.
func (q *Queue) FindDeadLetters(ctx context.Context, o DeadQuery) (list []DeadLetter, next uint64, err error) {
	r := getRequest{Seq: o.After + 1, NextBySubject: "dlq.>"}
	most := min(max(o.PageSize, 1), deadPage)
	for range deadScan {
		if len(list) == most {
			return list, r.Seq - 1, nil
		}
		d, err := q.deadLetter(ctx, r)
		if errorsIsNotFound(err) {
			return list, 0, nil
		}
		if err != nil {
			return nil, 0, err
		}
		if r.Seq = d.Sequence + 1; (o.Kind == "" || o.Kind == d.Kind) && (o.Match == nil || o.Match(&d)) {
			list = append(list, d)
		}
	}
	return list, r.Seq - 1, nil
}

// DeadLetters lists up to most (at most 1,000) dead letters, oldest first, that come after the given
// sequence.
func (q *Queue) DeadLetters(ctx context.Context, after uint64, most int) ([]DeadLetter, error) {
	list, _, err := q.FindDeadLetters(ctx, DeadQuery{After: after, PageSize: most})
	return list, err
}

// DeadLetterAt returns one dead letter; ErrNotFound when there is no such.
func (q *Queue) DeadLetterAt(ctx context.Context, sequence uint64) (DeadLetter, error) {
	return q.deadLetter(ctx, getRequest{Seq: sequence})
}

// Replay publishes a dead letter to where it came from, and then removes it. Called twice in a short time it
// publishes once. ErrNotFound when there is no such dead letter.
func (q *Queue) Replay(ctx context.Context, sequence uint64) error {
	d, err := q.DeadLetterAt(ctx, sequence)
	if err != nil {
		return err
	}
	id := "dlq." + strconv.FormatUint(sequence, 10)
	if err := q.Publish(ctx, Message{Subject: d.Subject, ID: id, Key: d.Key, Group: d.Group, Data: d.Data}); err != nil {
		return err
	}
	return q.DropDeadLetter(ctx, sequence)
}

// DropDeadLetter removes a dead letter for good; no error when there is none.
func (q *Queue) DropDeadLetter(ctx context.Context, sequence uint64) error {
	return q.retry(ctx, func(ctx context.Context) error {
		return ignoreNoMessage(q.handleIn(ctx, streamDead).DeleteMsg(ctx, sequence))
	})
}

// ignoreNoMessage: an earlier attempt removed it.
func ignoreNoMessage(err error) error {
	if errorsIsNotFound(err) || errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) && strings.Contains(err.Error(), codeSequenceNotFound) {
		return nil
	}
	return err
}

// codeSequenceNotFound is the answer to a deletion of what is not there (nats-server errors.json); the client
// library keeps but the text of it.
const codeSequenceNotFound = "err_code=10043"

func (q *Queue) deadLetter(ctx context.Context, r getRequest) (d DeadLetter, err error) {
	err = q.retry(ctx, func(ctx context.Context) error {
		m, err := q.leaderGet(ctx, streamDead, r)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(m.Data, &d); err != nil {
			return fmt.Errorf("queue: dead letter %d: %w", m.Sequence, err)
		}
		d.Sequence, d.Time = m.Sequence, m.Time
		return nil
	})
	return d, err
}
