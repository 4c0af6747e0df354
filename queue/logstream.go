package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// logStream is the stream LOG as the log wants it. It uses one connection after another: whichever does not
// answer in time is left for the next.
type logStream struct {
	q      *Queue
	append atomic.Uint32 // connection
	read   atomic.Uint32 // the same; see logread.go
}

func (s *logStream) Append(ctx context.Context, id string, data []byte) (uint64, error) {
	at := s.append.Load()
	conn := s.q.answering(int(at % connections))
	ack, err := s.q.streams[conn].PublishMsg(ctx, &nats.Msg{Subject: logSubject, Data: data}, jetstream.WithMsgID(id),
		jetstream.WithRetryAttempts(0))
	switch {
	case err == nil:
		return ack.Sequence, nil
	case isFull(err):
		return 0, fmt.Errorf("%w: %w", commitlog.ErrFull, err)
	case isRefusal(err):
		return 0, fmt.Errorf("%w: %w", commitlog.ErrRefused, err)
	}
	s.append.CompareAndSwap(at, at+1)
	s.q.unanswered(conn, err)
	return 0, err
}

// isRefusal: the server answered that it did not store the message.
func isRefusal(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && !isTransient(err) || errors.Is(err, nats.ErrMaxPayload)
}

func (s *logStream) Bounds(ctx context.Context) (first, last uint64, err error) {
	err = s.q.retry(ctx, func(ctx context.Context) error {
		stream, err := s.q.streamIn(ctx).Stream(ctx, streamLog)
		if err != nil {
			return err
		}
		state := stream.CachedInfo().State
		first, last = state.FirstSeq, state.LastSeq
		return nil
	})
	return first, last, err
}

func (s *logStream) Trim(ctx context.Context, position uint64) error {
	return s.q.retry(ctx, func(ctx context.Context) error {
		stream, err := s.q.streamIn(ctx).Stream(ctx, streamLog)
		if err != nil {
			return err
		}
		return stream.Purge(ctx, jetstream.WithPurgeSequence(position+1))
	})
}

// snapshots are objects of the bucket LOG of NATS's object store. Their names tell their time and their
// position. Where daemons share the log the highest position is the newest; one that was slow may put an
// older one later. In the store of one daemon positions are used again after a power loss, and the latest is
// the newest.
type snapshots struct{ q *Queue }

const (
	snapshotBucket = "LOG"
	snapshotPrefix = "snapshot-"
	snapshotPieces = "$O." + snapshotBucket + ".C."
)

func (s snapshots) store(ctx context.Context) (jetstream.ObjectStore, error) {
	return s.q.streamIn(ctx).ObjectStore(ctx, snapshotBucket)
}

// names are those of the complete snapshots, the newest first.
func (s snapshots) names(ctx context.Context, store jetstream.ObjectStore) ([]string, error) {
	list, err := store.List(ctx)
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, o := range list {
		if strings.HasPrefix(o.Name, snapshotPrefix) {
			names = append(names, o.Name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(s.order(b), s.order(a)) })
	return names, nil
}

// order is the part of a name that tells which is newer.
func (s snapshots) order(name string) string {
	at, position, _ := strings.Cut(strings.TrimPrefix(name, snapshotPrefix), "-")
	if s.q.daemons == nil {
		return at
	}
	return position
}

// restore puts a snapshot from elsewhere into a new store.
func (s snapshots) restore(ctx context.Context, in io.Reader) error {
	store, err := s.store(ctx)
	if err != nil {
		return err
	}
	_, err = store.Put(ctx, jetstream.ObjectMeta{Name: fmt.Sprintf("%s%020d-%020d", snapshotPrefix, s.q.Now().UnixMilli(), 0)}, in)
	return err
}

// position is that of the newest snapshot; 0 when there is none.
func (s snapshots) position(ctx context.Context) (uint64, error) {
	store, err := s.store(ctx)
	if err != nil {
		return 0, err
	}
	names, err := s.names(ctx, store)
	if err != nil || len(names) == 0 {
		return 0, err
	}
	_, position, _ := strings.Cut(strings.TrimPrefix(names[0], snapshotPrefix), "-")
	return strconv.ParseUint(position, 10, 64)
}

func (s snapshots) Newest(ctx context.Context) (io.ReadCloser, error) {
	var store jetstream.ObjectStore
	var names []string
	err := s.q.patiently(ctx, func(ctx context.Context) (err error) {
		if store, err = s.store(ctx); err == nil {
			names, err = s.names(ctx, store)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		return nil, err
	}
	newest, err := store.Get(eachRead{ctx}, names[0])
	if err != nil {
		return nil, err
	}
	return readCloser{newest, s.q, func() bool { return s.damaged(ctx, store, names[0]) }}, nil
}

// stall is how long a snapshot may be read without anything coming.
const stall = 5 * time.Second

// eachRead is a context whose deadline is always that far ahead. The library asks for it at each read, and
// has it end when its next part does not come, also when the server that sent it is gone; without a deadline
// it takes one of five seconds for the whole.
type eachRead struct{ context.Context }

func (eachRead) Deadline() (time.Time, bool) { return time.Now().Add(stall), true }

func (s snapshots) Put(ctx context.Context, position uint64, write func(io.Writer) error) error {
	store, err := s.store(ctx)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s%020d-%020d", snapshotPrefix, s.q.Now().UnixMilli(), position)
	in, out := io.Pipe()
	go func() { out.CloseWithError(write(out)) }()
	_, err = store.Put(ctx, jetstream.ObjectMeta{Name: name}, in)
	in.CloseWithError(err)
	if err != nil {
		return err
	}
	names, err := s.names(ctx, store)
	for _, old := range names {
		if s.order(old) < s.order(name) {
			if s.q.erasing.Load() > 0 {
				err = errors.Join(err, s.q.eraseObject(ctx, store, old))
			}
			err = errors.Join(err, store.Delete(ctx, old))
		}
	}
	return errors.Join(err, s.sweep(ctx, store))
}

// sweep removes the pieces of snapshots that were never finished: of a daemon that was killed over one. Only
// one daemon at a time writes snapshots.
func (s snapshots) sweep(ctx context.Context, store jetstream.ObjectStore) error {
	list, err := store.List(ctx)
	if err != nil {
		return err
	}
	whole := make(map[string]bool)
	for _, o := range list {
		whole[snapshotPieces+o.NUID] = true
	}
	stream, err := s.q.streamIn(ctx).Stream(ctx, "OBJ_"+snapshotBucket)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(snapshotPieces+">"))
	if err != nil {
		return err
	}
	for subject := range info.State.Subjects {
		if !whole[subject] {
			err = errors.Join(err, stream.Purge(ctx, jetstream.WithPurgeSubject(subject)))
		}
	}
	return err
}
