package queue

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"golang.org/x/mod/semver"

	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// openOwn opens a store that is this test's alone.
func openOwn(t *testing.T) *Queue {
	t.Helper()
	q, err := Open(t.Context(), Options{Dir: t.TempDir(), Patience: await.Patience, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close(context.Background()) })
	return q
}

// Connections are the names of the servers that this daemon's connections are to; "" for one that has none.
func (q *Queue) Connections() (names []string) {
	for _, c := range q.conns {
		names = append(names, c.ConnectedServerName())
	}
	return names
}

// TestVersion: a server older than the one that torture runs on is refused, with what its version is known
// for.
func TestVersion(t *testing.T) {
	t.Parallel()
	for version, why := range map[string]string{"2.15.2": "", "v2.15.2": "", "2.15.3": "", "2.16.0-RC.1": "", "3.0.0": "", "2.100": "",
		"2.15.0": "", "2.14.10": "", "v2.14.10": "", "2.14.10-RC.1": "was tried", "2.14.9": "was tried", "2.14.7": "was tried", "2.14.6": "8594", "2.14.0-RC.1": "7676", "2.12.2": "7633", "2.12.14": "7676",
		"2.11.9": "scheduled", "2.9.25": "scheduled", "1.99.0": "scheduled", "": "needed", "2": "scheduled", "x.y.z": "needed"} {
		err := checkVersion(version)
		if (err == nil) != (why == "") || err != nil && (!errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), why)) {
			t.Errorf("version %q: %v, want %q", version, err, why)
		}
	}
	if err := checkVersion(server.VERSION); err != nil {
		t.Errorf("the embedded server: %v", err)
	}
	for i := range knownFaults[1:] {
		if semver.Compare(knownFaults[i].mended, knownFaults[i+1].mended) >= 0 || semver.Compare(knownFaults[i+1].mended, oldestServer) > 0 {
			t.Errorf("the list of faults is not in order at %s", knownFaults[i].mended)
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

// A write whose answer was lost is found again; one of another writer with the same value is not taken for
// ours.
func TestWriteAfterUnknownOutcome(t *testing.T) {
	t.Parallel()
	q := openInternal(t)
	ctx := context.Background()
	b := q.Tokens().kv
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

func TestScaleLimits(t *testing.T) {
	t.Parallel()
	list := assets(Options{})
	scaleBounds(list, 0.5)
	for i, full := range assets(Options{}) {
		msgs := full.bound.Msgs
		if msgs > 0 {
			msgs /= 2
		}
		if got := list[i].bound; got.Bytes != full.bound.Bytes/2 || got.Msgs != msgs {
			t.Errorf("%s: %+v of %+v", full.name, got, full.bound)
		}
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
		if _, err := q.Tokens().Put(ctx, "k", nil, 0); err != nil {
			t.Fatal(err)
		}
	}
}
