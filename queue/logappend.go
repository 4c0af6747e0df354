package queue

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// All that happens to an OTP waits for an append, and at rest each has one of its own. So it is asked for without
// the library's PublishMsg. The answers come to a subscription, right from the connection's reader and not by way
// of a goroutine more. Those of the embedded server come to one subject, as long as it answers all: each that it
// does not know it has to look up, and keeps for a while. Servers may answer twice, as their leader changes, so
// there each append has a subject of its own.

// answersAhead is how many answers may come that nobody waits for any more.
const answersAhead = 64

// appendAnswers are the answers to appends over one connection.
type appendAnswers struct {
	inbox string
	spent int // subjects to which an answer may still come: it is not taken for that to a later append
	come  chan *nats.Msg
}

func (a *appendAnswers) subject() string { return a.inbox + "." + strconv.Itoa(a.spent) }

func (s *logStream) answersOn(conn int) (*appendAnswers, error) {
	if a := s.answers[conn]; a != nil {
		return a, nil
	}
	nc := s.q.conns[conn]
	a := &appendAnswers{inbox: nc.NewInbox(), come: make(chan *nats.Msg, answersAhead)}
	if _, err := nc.ChanSubscribe(a.inbox+".*", a.come); err != nil { // it ends with the connection
		return nil, err
	}
	s.answers[conn] = a
	return a, nil
}

// ask asks the server once to append, and returns the position.
func (s *logStream) ask(ctx context.Context, conn int, id string, data []byte) (uint64, error) {
	a, err := s.answersOn(conn)
	if err != nil {
		return 0, err
	}
	reply := a.subject()
	err = s.q.conns[conn].PublishMsg(&nats.Msg{Subject: logSubject, Reply: reply, Header: nats.Header{nats.MsgIdHdr: {id}}, Data: data})
	for err == nil {
		select {
		case m := <-a.come:
			if m.Subject != reply {
				continue
			}
			if s.q.server == nil {
				a.spent++
			}
			return positionIn(m)
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	a.spent++
	return 0, err
}

// positionIn reads the answer to an append (nats-server JSPubAckResponse).
func positionIn(m *nats.Msg) (uint64, error) {
	if len(m.Data) == 0 && m.Header.Get(headerStatus) == statusNobody {
		return 0, jetstream.ErrNoStreamResponse
	}
	var answer struct {
		Error    *jetstream.APIError `json:"error"`
		Position uint64              `json:"seq"`
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil || answer.Error == nil && answer.Position == 0:
		return 0, jetstream.ErrInvalidJSAck
	case answer.Error != nil:
		return 0, answer.Error
	}
	return answer.Position, nil
}
