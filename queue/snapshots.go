package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// snapshots are objects of the bucket LOG of NATS's object store. Their names tell their time and their
// position. Where daemons share the log the highest position is the newest; one that was slow may put an
// older one later. In the store of one daemon positions are used again after a power loss, and the latest is
// the newest.
type snapshots struct{ q *Queue }

const (
	snapshotBucket = "LOG"
	snapshotStream = "OBJ_" + snapshotBucket
	snapshotPrefix = "snapshot-"
	snapshotPieces = "$O." + snapshotBucket + ".C." // begins the subjects that have the contents of objects
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
	info, err := store.Put(ctx, jetstream.ObjectMeta{Name: name}, in)
	in.CloseWithError(err)
	if err != nil {
		return err
	}
	if err := s.whole(ctx, info); err != nil {
		return errors.Join(err, store.Delete(ctx, name))
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

func (s snapshots) stream(ctx context.Context) (jetstream.Stream, error) {
	return s.q.streamIn(ctx).Stream(ctx, snapshotStream)
}

// whole sees that all pieces of a snapshot are there, before the log is removed that it takes the place of.
func (s snapshots) whole(ctx context.Context, info *jetstream.ObjectInfo) error {
	subject := snapshotPieces + info.NUID
	stream, err := s.stream(ctx)
	if err != nil {
		return err
	}
	there, err := stream.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return err
	}
	if n := there.State.Subjects[subject]; n != uint64(info.Chunks) {
		return fmt.Errorf("queue: of the %d pieces of a snapshot %d are stored", info.Chunks, n)
	}
	return nil
}

// sweepAge is how long nothing may have been added to the pieces of a snapshot before they are taken for what
// a daemon left that was killed over it: much longer than one works without renewing its lease.
const sweepAge = 2 * time.Minute

// sweep removes such pieces. A store that is this daemon's alone has no others' at work.
func (s snapshots) sweep(ctx context.Context, store jetstream.ObjectStore) error {
	stream, err := s.stream(ctx)
	if err != nil {
		return err
	}
	there, err := stream.Info(ctx, jetstream.WithSubjectFilter(snapshotPieces+">"))
	if err != nil {
		return err
	}
	list, err := store.List(ctx) // after the pieces: what is whole meanwhile is in it
	if err != nil {
		return err
	}
	whole := make(map[string]bool)
	for _, o := range list {
		whole[snapshotPieces+o.NUID] = true
	}
	for subject := range there.State.Subjects {
		if whole[subject] {
			continue
		}
		last, unread := stream.GetLastMsgForSubject(ctx, subject)
		switch {
		case errors.Is(unread, jetstream.ErrMsgNotFound):
		case unread != nil:
			err = errors.Join(err, unread)
		case s.q.daemons == nil || there.TimeStamp.Sub(last.Time) > sweepAge:
			err = errors.Join(err, stream.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(last.Sequence+1)))
		}
	}
	return err
}
