package queue

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// Headers of bucket entries. The first is that of NATS key-value stores, so that their tools see a deletion
// as one.
const (
	headerOperation = "KV-Operation"
	headerWrite     = "Otpgw-Write" // random for each write
)

// markerTTL is how long the trace of a deletion stays.
const markerTTL = 10 * time.Second

// kv is a bucket that is a NATS key-value store: for what lives long and changes seldom, and need not be in
// the memory of each daemon. Keys are subjects (letters, digits, - _ = . /; see Token).
type kv struct {
	q      *Queue
	stream string
	prefix string
}

// copyTimeout is how long a copy is waited for. Which server answers nobody chooses: it may be one that
// hangs, as long as the others do not know.
const copyTimeout = 150 * time.Millisecond

// get reads a value: ErrNotFound when there is none. On a replicated store a value may be milliseconds old,
// which a compare-and-set catches; what is not found there is asked of the leader, for an absence is caught by
// nothing, and so is what no copy answers.
func (b *kv) get(ctx context.Context, key string) (Entry, error) {
	var e Entry
	err := b.check(key, func(subject string) error {
		return b.q.retry(ctx, func(ctx context.Context) (err error) {
			near, cancel := context.WithTimeout(ctx, copyTimeout)
			defer cancel()
			m, err := b.q.handleIn(ctx, b.stream).GetLastMsgForSubject(near, subject)
			gone := errorsIsNotFound(err) || err == nil && isMarker(m.Header)
			switch {
			case gone && b.q.Alone(): // no other copy knows more
				return ErrNotFound
			case gone, err != nil:
				e, err = b.ask(ctx, subject)
				return err
			}
			e = Entry{Value: m.Data, Revision: m.Sequence}
			return nil
		})
	})
	return e, err
}

// latest is get from the store's leader: never old, and dearer.
func (b *kv) latest(ctx context.Context, key string) (Entry, error) {
	var e Entry
	err := b.check(key, func(subject string) error {
		return b.q.retry(ctx, func(ctx context.Context) (err error) {
			e, err = b.ask(ctx, subject)
			return err
		})
	})
	return e, err
}

// ask is one attempt to read from the leader.
func (b *kv) ask(ctx context.Context, subject string) (Entry, error) {
	m, err := b.q.leaderGet(ctx, b.stream, getRequest{LastBySubject: subject})
	switch {
	case err != nil:
		return Entry{}, err
	case isMarker(m.Header):
		return Entry{}, ErrNotFound
	}
	return Entry{Value: m.Data, Revision: m.Sequence}, nil
}

// change does what the Bucket's methods say of an operation of a transaction.
func (b *kv) change(ctx context.Context, key string, o commitlog.Op) (uint64, error) {
	w := &write{mark: nuid.Next(), marker: o.Action == commitlog.Delete}
	ttl := o.TTL
	if w.marker {
		ttl = markerTTL
	}
	switch o.If {
	case commitlog.IfAbsent:
		if err := b.q.gates[b.stream].enter(ctx); err != nil {
			return 0, err
		}
		w.conditional, w.create = true, true
	case commitlog.IfRevision:
		w.conditional, w.expect = true, o.Revision
	}
	return b.write(ctx, key, o.Value, ttl, w)
}

// write is one change of one key.
type write struct {
	expect      uint64 // revision that must be there; 0 for none
	conditional bool
	create      bool // a deletion marker counts as nothing there
	marker      bool
	mark        string // random; tells our own write from another's
	unknown     bool   // an earlier attempt may have been carried out
}

func (b *kv) write(ctx context.Context, key string, value []byte, ttl time.Duration, w *write) (rev uint64, err error) {
	err = b.check(key, func(subject string) error {
		msg := nats.NewMsg(subject)
		msg.Data = value
		msg.Header.Set(headerWrite, w.mark)
		if w.marker {
			msg.Header.Set(headerOperation, "DEL")
		}
		if ttl > 0 {
			msg.Header.Set(jetstream.MsgTTLHeader, wholeSeconds(ttl).String())
		}
		return b.q.retry(ctx, func(ctx context.Context) error {
			rev, err = b.attempt(ctx, msg, w)
			return err
		})
	})
	return rev, err
}

// attempt publishes once, or again where a deletion marker was in the way.
func (b *kv) attempt(ctx context.Context, msg *nats.Msg, w *write) (uint64, error) {
	for range 3 {
		var opts []jetstream.PublishOpt
		if w.conditional {
			opts = append(opts, jetstream.WithExpectLastSequencePerSubject(w.expect))
		}
		ack, err := b.q.streamIn(ctx).PublishMsg(ctx, msg, opts...)
		if err == nil {
			return ack.Sequence, nil
		}
		if !isConflict(err) {
			w.unknown = w.unknown || isTransient(err)
			return 0, err
		}
		if !w.unknown && !w.create && apiCode(err) == jetstream.JSErrCodeStreamWrongLastSequence {
			return 0, err
		}
		rev, again, lookErr := b.look(ctx, msg.Subject, w)
		if rev != 0 || lookErr != nil {
			return rev, lookErr
		}
		if !again {
			return 0, err
		}
	}
	return 0, ErrConflict
}

// look finds out what a conflict is about: our own earlier attempt is a success (rev), a deletion marker is
// nothing, so the write may be tried again with another expectation. Where what we expect is there, a
// replicated stream refused because another write of the key, of us or not, is on its way through the
// replicas: errUndecided, and the answer comes with time.
func (b *kv) look(ctx context.Context, subject string, w *write) (rev uint64, again bool, err error) {
	var seq uint64 // 0 for nothing there
	there, err := b.q.leaderGet(ctx, b.stream, getRequest{LastBySubject: subject})
	switch {
	case err == nil && there.Header.Get(headerWrite) == w.mark:
		return there.Sequence, false, nil
	case err == nil:
		seq = there.Sequence
	case !errorsIsNotFound(err):
		return 0, false, err
	}
	if seq == w.expect {
		return 0, false, errUndecided
	}
	if w.create && (seq == 0 || isMarker(there.Header)) { // 0: the marker expired since
		w.expect = seq
		return 0, true, nil
	}
	return 0, false, nil
}

// isMarker: deleted or purged, by us, by the server (TTL markers) or by an operator's tool.
func isMarker(h nats.Header) bool {
	return h.Get(headerOperation) != "" || h.Get(jetstream.MarkerReasonHeader) != ""
}

func (b *kv) check(key string, do func(subject string) error) error {
	subject := b.prefix + key
	if key == "" {
		return ErrName
	}
	if err := checkSubject(subject); err != nil {
		return err
	}
	return do(subject)
}

// bucketPrefix is where a bucket's keys live: $KV.token. for KV_token.
func bucketPrefix(stream string) string { return "$KV." + strings.TrimPrefix(stream, "KV_") + "." }
