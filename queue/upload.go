package queue

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// How a snapshot is stored: as the library's object store does it, which reads it, but in order. The library
// sends a piece again that met no leader, behind the pieces that were under way meanwhile; such a snapshot has
// all its pieces, and cannot be read.
const (
	pieceSize   = 128 << 10
	piecesAhead = 32 // that are sent and not answered
	purgeTime   = 5 * time.Second
)

// errOrder: a piece was stored before the one in front of it.
var errOrder = errors.New("queue: the pieces of a snapshot were not stored in their order")

// upload is a snapshot on its way.
type upload struct {
	js   jetstream.JetStream
	info jetstream.ObjectInfo
	sent []jetstream.PubAckFuture // not answered
	last uint64                   // sequence of the piece that was answered last
}

// upload stores what in gives as an object. After an error nothing is left of it, or what sweep finds.
func (s snapshots) upload(ctx context.Context, name string, in io.Reader) (*jetstream.ObjectInfo, error) {
	defer s.q.spreader.carries()()
	u := &upload{js: s.q.streamIn(ctx), info: jetstream.ObjectInfo{Bucket: snapshotBucket, NUID: nuid.Next(),
		ObjectMeta: jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: pieceSize}}}}
	err := u.pieces(ctx, in)
	if err == nil {
		err = u.entry(ctx)
	}
	if err == nil {
		return &u.info, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), purgeTime)
	defer cancel()
	stream, unheard := s.stream(ctx)
	if unheard == nil {
		unheard = stream.Purge(ctx, jetstream.WithPurgeSubject(snapshotPieces+u.info.NUID))
	}
	if unheard != nil {
		s.q.log.Debug().Err(unheard).Msg("pieces of a snapshot stay until they are swept")
	}
	return nil, err
}

func (u *upload) pieces(ctx context.Context, in io.Reader) error {
	sum := sha256.New()
	for {
		piece := make([]byte, pieceSize) // is the library's until it is answered
		n, err := io.ReadFull(in, piece)
		if n > 0 {
			_, _ = sum.Write(piece[:n])
			if sendErr := u.send(ctx, piece[:n]); sendErr != nil {
				return sendErr
			}
		}
		switch {
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			u.info.Digest = jetstream.GetObjectDigestValue(sum)
			return u.answered(ctx, 0)
		case err != nil:
			return err
		}
	}
}

func (u *upload) send(ctx context.Context, piece []byte) error {
	if err := u.answered(ctx, piecesAhead-1); err != nil {
		return err
	}
	f, err := u.js.PublishMsgAsync(&nats.Msg{Subject: snapshotPieces + u.info.NUID, Data: piece}, jetstream.WithRetryAttempts(0))
	if err != nil {
		return err
	}
	u.sent = append(u.sent, f)
	u.info.Size += uint64(len(piece))
	u.info.Chunks++
	return nil
}

// answered waits until no more than so many pieces are unanswered.
func (u *upload) answered(ctx context.Context, most int) error {
	for len(u.sent) > most {
		late := time.NewTimer(attemptTimeout)
		defer late.Stop()
		select {
		case ack := <-u.sent[0].Ok():
			if ack.Sequence <= u.last {
				return errOrder
			}
			u.last = ack.Sequence
		case err := <-u.sent[0].Err():
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return fmt.Errorf("queue: a piece of a snapshot: %w", nats.ErrTimeout)
		}
		u.sent = u.sent[1:]
	}
	return nil
}

// entry makes an object of the pieces.
func (u *upload) entry(ctx context.Context) error {
	data, err := json.Marshal(u.info)
	if err != nil {
		return err
	}
	m := &nats.Msg{Subject: entryOf(u.info.Name), Data: data, Header: make(nats.Header)}
	m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	_, err = u.js.PublishMsg(ctx, m)
	return err
}

// entryOf is the subject of what tells of an object.
func entryOf(name string) string {
	return snapshotEntries + base64.URLEncoding.EncodeToString([]byte(name))
}
