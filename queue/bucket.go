package queue

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// Headers of bucket entries. The first is that of NATS key-value stores, so that their tools see a deletion as one.
const (
	headerOperation = "KV-Operation"
	headerWrite     = "Otpgw-Write" // random for each write
)

// markerTTL is how long the trace of a deletion stays.
const markerTTL = 10 * time.Second

// Bucket holds one value per key. Keys are subjects (letters, digits, - _ = . /; see Token).
type Bucket struct {
	q      *Queue
	stream string
	prefix string
}

// Entry is a value and the revision to change it by.
type Entry struct {
	Value    []byte
	Revision uint64
}

// Get reads a value: ErrNotFound when there is none. On a replicated store it may be milliseconds old; Update catches that.
func (b *Bucket) Get(ctx context.Context, key string) (Entry, error) {
	var e Entry
	err := b.check(key, func(subject string) error {
		return b.q.retry(ctx, func(ctx context.Context) error {
			m, err := b.q.handle(b.stream).GetLastMsgForSubject(ctx, subject)
			if err != nil {
				return err
			}
			if isMarker(m.Header) {
				return ErrNotFound
			}
			e = Entry{Value: m.Data, Revision: m.Sequence}
			return nil
		})
	})
	return e, err
}

// Latest is Get from the store's leader: never old, and dearer.
func (b *Bucket) Latest(ctx context.Context, key string) (Entry, error) {
	var e Entry
	err := b.check(key, func(subject string) error {
		return b.q.retry(ctx, func(ctx context.Context) error {
			m, err := b.q.leaderGet(ctx, b.stream, getRequest{LastBySubject: subject})
			if err != nil {
				return err
			}
			if isMarker(m.Header) {
				return ErrNotFound
			}
			e = Entry{Value: m.Data, Revision: m.Sequence}
			return nil
		})
	})
	return e, err
}

// Create stores a value under a key that has none, else ErrConflict. ttl 0 is the bucket's own age.
func (b *Bucket) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	if err := b.q.gates[b.stream].enter(ctx); err != nil {
		return 0, err
	}
	return b.write(ctx, key, value, ttl, expectAbsent)
}

// Update changes the value that has the given revision, else ErrConflict. A success that the server could not tell us of is
// found again when we ask; only where another writer changed the value in between does it look like a conflict.
func (b *Bucket) Update(ctx context.Context, key string, value []byte, ttl time.Duration, revision uint64) (uint64, error) {
	return b.write(ctx, key, value, ttl, func(w *write) { w.expect, w.conditional = revision, true })
}

// Put stores a value whatever is there.
func (b *Bucket) Put(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return b.write(ctx, key, value, ttl, func(*write) {})
}

// Delete removes the key, whatever is there; no error when there is nothing.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	_, err := b.write(ctx, key, nil, markerTTL, func(w *write) { w.marker = true })
	return err
}

// DeleteRevision removes the key if its value has the given revision, else ErrConflict.
func (b *Bucket) DeleteRevision(ctx context.Context, key string, revision uint64) error {
	_, err := b.write(ctx, key, nil, markerTTL, func(w *write) { w.marker, w.expect, w.conditional = true, revision, true })
	return err
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

func expectAbsent(w *write) { w.conditional, w.create = true, true }

func (b *Bucket) write(ctx context.Context, key string, value []byte, ttl time.Duration, set func(*write)) (rev uint64, err error) {
	w := &write{mark: nuid.Next()}
	set(w)
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
func (b *Bucket) attempt(ctx context.Context, msg *nats.Msg, w *write) (uint64, error) {
	for range 3 {
		var opts []jetstream.PublishOpt
		if w.conditional {
			opts = append(opts, jetstream.WithExpectLastSequencePerSubject(w.expect))
		}
		ack, err := b.q.stream().PublishMsg(ctx, msg, opts...)
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

// look finds out what a conflict is about: our own earlier attempt is a success (rev), a deletion marker is nothing, so the
// write may be tried again with another expectation. Where what we expect is there, a replicated stream refused because
// another write of the key, of us or not, is on its way through the replicas: errUndecided, and the answer comes with time.
func (b *Bucket) look(ctx context.Context, subject string, w *write) (rev uint64, again bool, err error) {
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

func (b *Bucket) check(key string, do func(subject string) error) error {
	subject := b.prefix + key
	if key == "" {
		return ErrName
	}
	if err := checkSubject(subject); err != nil {
		return err
	}
	return do(subject)
}

// bucketPrefix is where a bucket's keys live: $KV.otp. for KV_otp.
func bucketPrefix(stream string) string { return "$KV." + strings.TrimPrefix(stream, "KV_") + "." }
