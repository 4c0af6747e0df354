package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// How the log is read from a shared server: by a consumer, to which the server sends what comes. It is on one
// server, which may hang; another can be made by the server alone that leads the cluster, which may be the
// same one, and may be put on the server that hangs again. Until there is one the log is read by hand: any
// server is asked for what its copy has. Which one that is nobody chooses, so what is not answered at once is
// asked again.
const (
	readAhead     = 1024    // messages
	readAheadSize = 8 << 20 // octets of them
	readExpiry    = 2 * time.Second
	readHeartbeat = 500 * time.Millisecond // two that do not come are the end of a consumer
	readTry       = time.Second            // to make a consumer
	readerAge     = 10 * time.Second       // of a consumer that nobody reads from

	byHandAfter = 150 * time.Millisecond // without a consumer
	byHandFirst = 25 * time.Millisecond  // for the beginning of an answer; twice that when none came, up to
	byHandTry   = 500 * time.Millisecond // and for all of it, which is at most:
	byHandBatch = 256                    // messages
	byHandSize  = 1 << 20                // octets
	byHandPause = 5 * time.Millisecond   // when nothing new was there
)

// logReader is a consumer of the log, or why there cannot be one.
type logReader struct {
	conn     int
	consumer jetstream.Consumer
	err      error
}

func (s *logStream) Read(ctx context.Context, after uint64, f func(commitlog.Message) error) error {
	making, cancel := context.WithCancel(ctx)
	defer cancel()
	made := make(chan logReader, 1)
	go func() { made <- s.makeReader(making, after) }()
	late := time.NewTimer(byHandAfter)
	defer late.Stop()
	var r logReader
	select {
	case r = <-made:
	case <-late.C:
		var err error
		if r, after, err = s.readByHand(ctx, after, f, made); err != nil {
			return err
		}
	}
	if r.err != nil {
		return r.err
	}
	return s.consume(ctx, r, after, f)
}

// makeReader asks for a consumer until it has one, on one connection after the other.
func (s *logStream) makeReader(ctx context.Context, after uint64) logReader {
	config := jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
		AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: readerAge, MemoryStorage: true, Replicas: 1}
	for {
		conn := s.q.answering(int(s.read.Add(1) % connections))
		attempt, cancel := context.WithTimeout(ctx, readTry)
		consumer, err := s.q.streams[conn].CreateConsumer(attempt, streamLog, config)
		cancel()
		if err == nil || !isTransient(err) {
			return logReader{conn, consumer, err}
		}
		s.q.unanswered(conn, err)
		if backoff.Sleep(ctx, firstPause) != nil {
			return logReader{err: ctx.Err()}
		}
	}
}

// consume hands on what a consumer is sent, but for what is not after a position, until it ends.
func (s *logStream) consume(ctx context.Context, r logReader, after uint64, f func(commitlog.Message) error) error {
	fault := make(chan error, 1)
	end := func(err error) {
		select {
		case fault <- err:
		default:
		}
	}
	s.q.readAt.Store(after)
	s.q.spreader.reading.Store(int32(r.conn + 1))
	defer s.q.spreader.reading.Store(0)
	ended, delivered := false, uint64(0) // owned by the library's one goroutine that hands out messages
	consume, err := r.consumer.Consume(func(m jetstream.Msg) {
		if ended {
			return
		}
		s.q.readNow()
		meta, err := m.Metadata()
		if err == nil {
			if delivered++; meta.Sequence.Consumer != delivered {
				err = errLostOnTheWay
			}
		}
		if err == nil && meta.Sequence.Stream > after {
			err = f(commitlog.Message{Position: meta.Sequence.Stream, Stamp: meta.Timestamp, Data: m.Data()})
			s.q.readAt.Store(meta.Sequence.Stream)
		}
		if err != nil {
			ended = true
			end(err)
		}
	}, jetstream.PullMaxMessagesWithBytesLimit(readAhead, readAheadSize), jetstream.PullExpiry(readExpiry), jetstream.PullHeartbeat(readHeartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { end(err) }))
	if err != nil {
		return err
	}
	err = s.quietly(ctx, fault)
	s.q.readers.count(err)
	consume.Stop()
	<-consume.Closed() // f is not called any more
	if errors.Is(err, jetstream.ErrNoHeartbeat) {
		s.q.unanswered(r.conn, context.DeadlineExceeded)
		return err // and to remove it would be to wait for whoever does not answer
	}
	s.dropConsumer(r)
	return err
}

// errLostOnTheWay: the server handed out a message that did not arrive, as when a connection breaks. It is
// there to be read again.
var errLostOnTheWay = errors.New("queue: a message of the log was lost on its way")

// dropConsumer: should that fail, the server does it by itself after readerAge.
func (s *logStream) dropConsumer(r logReader) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout/4)
	defer cancel()
	_ = s.q.streams[r.conn].DeleteConsumer(ctx, streamLog, r.consumer.CachedInfo().Name)
}

// readByHand asks for what is after a position, again and again, on one connection after the other, until a
// consumer is made. It returns that, and the position that was reached.
func (s *logStream) readByHand(ctx context.Context, after uint64, f func(commitlog.Message) error, made <-chan logReader) (logReader, uint64, error) {
	begun, said := time.Now(), false
	for failed := 0; ; {
		select {
		case r := <-made:
			return r, after, nil
		case <-ctx.Done():
			return logReader{}, after, ctx.Err()
		default:
		}
		if !said && time.Since(begun) > readTry {
			said = true
			s.q.log.Warn().Msg("the NATS cluster makes no consumer of the log; it is read without one meanwhile")
		}
		list, err := s.fetch(ctx, s.q.conns[s.q.next()], after, backoff.Doubled(byHandFirst, failed, byHandTry))
		if failed++; err == nil {
			failed = 0
		}
		for _, m := range list {
			s.q.readNow()
			if err := f(m); err != nil {
				return logReader{}, after, err
			}
			after = m.Position
		}
		if len(list) == 0 {
			_ = backoff.Sleep(ctx, byHandPause)
		}
	}
}

// byHandRequest is the body of a direct get of several messages (nats-server JSApiMsgGetRequest).
type byHandRequest struct {
	Seq      uint64 `json:"seq"`
	Batch    int    `json:"batch"`
	MaxBytes int    `json:"max_bytes"`
}

// Headers and statuses of the answers to a direct get (nats-server ADR-31).
const (
	headerStatus  = "Status"
	headerLastSeq = "Nats-Last-Sequence" // of the message sent before, in one answer
	statusNone    = "404"
	statusNobody  = "503" // nobody listens on a subject
	statusEnd     = "204"
)

// fetch asks once for what a copy of the log has after a position, and waits so long for the beginning of the
// answer. With an error the messages before it are good.
func (s *logStream) fetch(ctx context.Context, nc *nats.Conn, after uint64, first time.Duration) (list []commitlog.Message, err error) {
	ctx, cancel := context.WithTimeout(ctx, byHandTry)
	defer cancel()
	unanswered := time.AfterFunc(first, cancel)
	defer unanswered.Stop()
	body, err := json.Marshal(byHandRequest{after + 1, byHandBatch, byHandSize})
	if err != nil {
		return nil, err
	}
	answers, err := nc.SubscribeSync(nats.NewInbox())
	if err != nil {
		return nil, err
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := nc.PublishRequest("$JS.API.DIRECT.GET."+streamLog, answers.Subject, body); err != nil {
		return nil, err
	}
	for before := "0"; ; {
		m, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return list, err
		}
		unanswered.Stop()
		switch status := m.Header.Get(headerStatus); status {
		case "":
		case statusEnd, statusNone:
			return list, nil
		default:
			return list, fmt.Errorf("queue: a direct get was answered with status %s", status)
		}
		if m.Header.Get(headerLastSeq) != before {
			return list, errLostOnTheWay
		}
		before = m.Header.Get(jetstream.SequenceHeader)
		one, err := logMessage(m)
		if err != nil {
			return list, err
		}
		list = append(list, one)
	}
}

func logMessage(m *nats.Msg) (commitlog.Message, error) {
	position, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return commitlog.Message{}, err
	}
	stamp, err := time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer))
	return commitlog.Message{Position: position, Stamp: stamp, Data: m.Data}, err
}
