package queue

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for version, ok := range map[string]bool{"2.12.0": true, "2.12.0-RC.1": true, "2.15.2": true, "v2.12.3": true, "3.0.0": true, "2.100": true,
		"2.11.9": false, "2.9.25": false, "1.99.0": false, "": false, "2": false, "x.y.z": false} {
		err := checkVersion(version)
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrVersion) {
			t.Errorf("version %q: %v", version, err)
		}
	}
}

func TestErrorMapping(t *testing.T) {
	t.Parallel()
	api := func(status int, code jetstream.ErrorCode, text string) error {
		return &jetstream.APIError{Code: status, ErrorCode: code, Description: text}
	}
	for name, c := range map[string]struct {
		err       error
		want      error
		transient bool
	}{
		"conflict":            {api(400, 10071, "wrong last sequence: 7"), ErrConflict, false},
		"conflict, replicas":  {api(400, 10164, "wrong last sequence"), ErrConflict, false},
		"full, messages":      {api(503, 10077, "maximum messages exceeded"), ErrFull, false},
		"full, bytes":         {api(503, 10077, "maximum bytes exceeded"), ErrFull, false},
		"full, account":       {api(503, 10023, "insufficient resources"), ErrFull, false},
		"disk":                {api(503, 10077, "no space left on device"), ErrUnavailable, true},
		"no leader":           {api(503, 10008, "JetStream system temporarily unavailable"), ErrUnavailable, true},
		"no answer":           {nats.ErrTimeout, ErrUnavailable, true},
		"attempt took long":   {context.DeadlineExceeded, ErrUnavailable, true},
		"nobody listens":      {jetstream.ErrNoStreamResponse, ErrUnavailable, true},
		"closed":              {nats.ErrConnectionClosed, ErrUnavailable, false},
		"not there":           {jetstream.ErrMsgNotFound, ErrNotFound, false},
		"ours stays as it is": {ErrNotFound, ErrNotFound, false},
	} {
		if got := classify(c.err); !errors.Is(got, c.want) || !errors.Is(got, c.err) {
			t.Errorf("%s: %v", name, got)
		}
		if isTransient(c.err) != c.transient {
			t.Errorf("%s: transient is %v", name, !c.transient)
		}
	}
}

// A write whose answer was lost is found again; one of another writer with the same value is not taken for ours.
func TestWriteAfterUnknownOutcome(t *testing.T) {
	t.Parallel()
	q := openInternal(t)
	ctx := context.Background()
	b := q.Records()
	for name, c := range map[string]struct {
		lost bool // our first attempt was carried out, and its answer lost
		want error
	}{
		"ours":      {true, nil},
		"another's": {false, ErrConflict},
	} {
		key := Token(name)
		w := &write{mark: "ours", conditional: true, create: true}
		first := nats.NewMsg(b.prefix + key)
		first.Data = []byte("v")
		first.Header.Set(headerWrite, map[bool]string{true: "ours", false: "another"}[c.lost])
		ack, err := q.stream().PublishMsg(ctx, first)
		if err != nil {
			t.Fatal(err)
		}
		w.unknown = true
		retry := nats.NewMsg(b.prefix + key)
		retry.Data = []byte("v")
		retry.Header.Set(headerWrite, "ours")
		rev, err := b.attempt(ctx, retry, w)
		if c.want == nil && (err != nil || rev != ack.Sequence) {
			t.Errorf("%s: revision %d, %v; want %d", name, rev, err, ack.Sequence)
		}
		if c.want != nil && !errors.Is(classify(err), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func openInternal(t *testing.T) *Queue {
	t.Helper()
	q, err := Open(context.Background(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return q
}

func TestPace(t *testing.T) {
	t.Parallel()
	base := time.Now()
	at := func(s float64) time.Time { return base.Add(time.Duration(s * float64(time.Second))) }
	p := newPace(3)
	steps := []struct{ begin, end, arrived float64 }{
		{0, 10, 0},   // the queue was empty before; the caller took ten seconds
		{10, 20, 0},  // it may have waited all that time
		{20, 30, 0},  // and this
		{30, 31, 10}, // asked for when the first was done
		{31, 32, 20}, // asked for when the second was done
		{40, 41, 40}, // the library was idle: the queue was empty
		{41, 41, 40},
		{100, 101, 100},
	}
	for i, s := range steps {
		if got := p.begin(at(s.begin)); !got.Equal(at(s.arrived)) {
			t.Errorf("step %d: arrived at %v s", i, got.Sub(base).Seconds())
		}
		p.end(at(s.end))
	}
}

// A message that waited too long for Next goes back to the queue instead of out, for its AckWait may have ended.
func TestSlowCallerGivesBack(t *testing.T) {
	t.Parallel()
	q := openInternal(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for i, a := range q.assets {
		if a.name == streamParked {
			c := consumerConfig(a.consumers[0])
			c.AckWait = 2 * time.Second
			q.assets[i].consumers[0] = c
			if _, err := q.streams[0].CreateOrUpdateConsumer(ctx, streamParked, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := q.Publish(ctx, Message{Subject: "parked.x"}); err != nil {
		t.Fatal(err)
	}
	p, err := q.Parked().Pull(ctx, PullOptions{Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	time.Sleep(1500 * time.Millisecond) // longer than half the AckWait, shorter than the whole
	d, err := p.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if d.Attempt != 2 {
		t.Fatalf("attempt %d: the message was held past half its AckWait, or lost", d.Attempt)
	}
	if err := d.Ack(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestScaleLimits(t *testing.T) {
	t.Parallel()
	list := assets(Options{})
	scaleLimits(list, 0.5)
	if full := assets(Options{}); list[0].limit.Bytes != full[0].limit.Bytes/2 || list[0].limit.Msgs != full[0].limit.Msgs/2 {
		t.Fatalf("got %+v", list[0].limit)
	}
}

// A connection within the process that the server drops is made again.
func TestDroppedConnectionReturns(t *testing.T) {
	t.Parallel()
	q := openInternal(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, c := range q.conns {
		id, err := c.GetClientID()
		if err != nil {
			t.Fatal(err)
		}
		if err := q.server.ns.DisconnectClientByID(id); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * connections {
		if _, err := q.Records().Put(ctx, "k", nil, 0); err != nil {
			t.Fatal(err)
		}
	}
}
