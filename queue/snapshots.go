package queue

import (
	"context"
	"encoding/json"
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

	snapshotEntries = "$O." + snapshotBucket + ".M." // and of those that tell of each
)

func (s snapshots) store(ctx context.Context) (jetstream.ObjectStore, error) {
	return s.q.streamIn(ctx).ObjectStore(ctx, snapshotBucket)
}

// objects are the complete snapshots, the newest first, and the subjects of what tells of removed ones, as an
// older version left it. They are asked of the stream's leader: of a copy that is behind, the library's list
// would not have the snapshot that the log's beginning was removed for.
func (s snapshots) objects(ctx context.Context) (list []jetstream.ObjectInfo, removed []string, err error) {
	for r := (getRequest{Seq: 1, NextBySubject: snapshotEntries + ">"}); ; {
		var m *jetstream.RawStreamMsg
		err := s.q.retry(ctx, func(ctx context.Context) (err error) {
			m, err = s.q.leaderGet(ctx, snapshotStream, r)
			return err
		})
		if errorsIsNotFound(err) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		r.Seq = m.Sequence + 1
		var o jetstream.ObjectInfo
		if err := json.Unmarshal(m.Data, &o); err != nil {
			return nil, nil, fmt.Errorf("queue: an entry of a snapshot: %w", err)
		}
		switch {
		case o.Deleted:
			removed = append(removed, m.Subject)
		case strings.HasPrefix(o.Name, snapshotPrefix):
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b jetstream.ObjectInfo) int { return strings.Compare(s.order(b.Name), s.order(a.Name)) })
	return list, removed, nil
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
	_, err := s.upload(ctx, fmt.Sprintf("%s%020d-%020d", snapshotPrefix, s.q.Now().UnixMilli(), 0), in)
	return err
}

// position is that of the newest snapshot; 0 when there is none.
func (s snapshots) position(ctx context.Context) (uint64, error) {
	list, _, err := s.objects(ctx)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	_, position, _ := strings.Cut(strings.TrimPrefix(list[0].Name, snapshotPrefix), "-")
	return strconv.ParseUint(position, 10, 64)
}

func (s snapshots) Newest(ctx context.Context) (io.ReadCloser, error) {
	var store jetstream.ObjectStore
	var list []jetstream.ObjectInfo
	err := s.q.patiently(ctx, func(ctx context.Context) (err error) {
		if store, err = s.store(ctx); err == nil {
			list, _, err = s.objects(ctx)
		}
		return err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	reading, end := context.WithCancel(ctx)                   // the library has a goroutine that waits for its end
	newest, err := store.Get(eachRead{reading}, list[0].Name) // of a copy, which may not have it yet
	if err != nil {
		end()
		return nil, err
	}
	carried := s.q.spreader.carries()
	return readCloser{newest, s.q, func() { end(); carried() }, func() bool { return s.damaged(ctx, &list[0]) }}, nil
}

// stall is how long a snapshot may be read without anything coming.
const stall = 5 * time.Second

// eachRead is a context whose deadline is always that far ahead. The library asks for it at each read, and
// has it end when its next part does not come, also when the server that sent it is gone; without a deadline
// it takes one of five seconds for the whole.
type eachRead struct{ context.Context }

func (eachRead) Deadline() (time.Time, bool) { return time.Now().Add(stall), true }

func (s snapshots) Put(ctx context.Context, position uint64, write func(io.Writer) error) error {
	name := fmt.Sprintf("%s%020d-%020d", snapshotPrefix, s.q.Now().UnixMilli(), position)
	in, out := io.Pipe()
	go func() { out.CloseWithError(write(out)) }()
	info, err := s.upload(ctx, name, in)
	in.CloseWithError(err)
	if err != nil {
		return err
	}
	if err := s.whole(ctx, info); err != nil {
		stream, unheard := s.stream(ctx)
		if unheard == nil {
			unheard = s.remove(ctx, stream, info)
		}
		return errors.Join(err, unheard)
	}
	return s.tidy(ctx, name)
}

// tidy removes what a new snapshot takes the place of, and what nobody needs any more.
func (s snapshots) tidy(ctx context.Context, name string) error {
	stream, err := s.stream(ctx)
	if err != nil {
		return err
	}
	list, removed, err := s.objects(ctx)
	if err != nil {
		return err
	}
	kept := make(map[string]bool)
	for i := range list {
		if s.order(list[i].Name) < s.order(name) {
			err = errors.Join(err, s.remove(ctx, stream, &list[i]))
		} else {
			kept[snapshotPieces+list[i].NUID] = true
		}
	}
	for _, subject := range removed {
		err = errors.Join(err, stream.Purge(ctx, jetstream.WithPurgeSubject(subject)))
	}
	return errors.Join(err, s.sweep(ctx, stream, kept))
}

// remove takes a snapshot away as a whole: the library would keep an entry of each for ever, that it is no
// more. The entry goes first, so that none is without its pieces.
func (s snapshots) remove(ctx context.Context, stream jetstream.Stream, o *jetstream.ObjectInfo) error {
	if s.q.erasing.Load() > 0 {
		if err := s.q.eraseObject(ctx, stream, o); err != nil {
			return err
		}
	}
	if err := stream.Purge(ctx, jetstream.WithPurgeSubject(entryOf(o.Name))); err != nil {
		return err
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject(snapshotPieces+o.NUID))
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
		return fmt.Errorf("%w: %d of %d", errPieces, n, info.Chunks)
	}
	return nil
}

var errPieces = errors.New("queue: not all pieces of a snapshot are stored")

// sweepAge is how long nothing may have been added to the pieces of a snapshot before they are taken for what
// a daemon left that was killed over it: much longer than one works without renewing its lease.
const sweepAge = 2 * time.Minute

// sweep removes such pieces, but those of the snapshots that are kept, and of one that has been completed
// meanwhile. A store that is this daemon's alone has no others' at work.
func (s snapshots) sweep(ctx context.Context, stream jetstream.Stream, kept map[string]bool) error {
	there, err := stream.Info(ctx, jetstream.WithSubjectFilter(snapshotPieces+">"))
	if err != nil {
		return err
	}
	for subject := range there.State.Subjects {
		if kept[subject] {
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
