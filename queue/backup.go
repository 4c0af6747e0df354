package queue

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A backup is a gzipped CBOR sequence (RFC 8742) of records: a head; the messages of the key-value stores and
// the dead letters; a snapshot of the log's state in chunks; an end with the number of the records before it,
// without which it is not whole. What is secret in it is sealed, and the key is not.
const (
	backupFormat = 1
	backupChunk  = 256 << 10
)

// backupRecord is one of them; the fields that are not its kind's are empty. The numbers are what is stored.
type backupRecord struct {
	Kind    backupKind `cbor:"1,keyasint"`
	Format  int        `cbor:"2,keyasint,omitempty"`
	At      int64      `cbor:"3,keyasint,omitempty"` // of the log's clock, in milliseconds
	Stream  string     `cbor:"4,keyasint,omitempty"`
	Subject string     `cbor:"5,keyasint,omitempty"`
	Data    []byte     `cbor:"6,keyasint,omitempty"`
	Over    int64      `cbor:"7,keyasint,omitempty"` // when a message's time to live is, in milliseconds since 1970; 0: never
	Records int        `cbor:"8,keyasint,omitempty"`
}

type backupKind uint8

const (
	backupHead    backupKind = 1
	backupMessage backupKind = 2
	backupState   backupKind = 3
	backupEnd     backupKind = 4
)

// ErrBackup: what is to be restored is no whole backup.
var ErrBackup = errors.New("queue: this is no whole backup")

// backedUp are the streams of messages that a backup has: all but the log, whose state it has, and sums of a
// second.
func (q *Queue) backedUp() (names []string) {
	for _, a := range q.assets {
		if a.form == bucketForm || a.form == logForm {
			names = append(names, a.name)
		}
	}
	return names
}

// Backup writes all that is stored while the store works: the state of the log as of one moment, not before
// the call, and then what is beside it.
func (q *Queue) Backup(ctx context.Context, to io.Writer) error {
	if err := q.snapshot(ctx); err != nil {
		return fmt.Errorf("queue: backup: %w", err)
	}
	z := gzip.NewWriter(to)
	out := &backupWriter{enc: cbor.NewEncoder(z)}
	out.write(backupRecord{Kind: backupHead, Format: backupFormat, At: q.Now().UnixMilli()})
	in, err := snapshots{q}.Newest(ctx)
	if err == nil {
		err = out.state(in)
	}
	if err != nil {
		return fmt.Errorf("queue: backup of the log's state: %w", err)
	}
	for _, stream := range q.backedUp() {
		if err := q.backupStream(ctx, out, stream); err != nil {
			return fmt.Errorf("queue: backup of %s: %w", stream, err)
		}
	}
	out.write(backupRecord{Kind: backupEnd, Records: out.n})
	return errors.Join(out.err, z.Close())
}

// backupWriter keeps the first error.
type backupWriter struct {
	enc *cbor.Encoder
	n   int
	err error
}

func (w *backupWriter) write(r backupRecord) {
	if w.err == nil {
		w.err = w.enc.Encode(r)
		w.n++
	}
}

func (w *backupWriter) state(in io.ReadCloser) error {
	defer in.Close()
	chunk := make([]byte, backupChunk)
	for {
		n, err := io.ReadFull(in, chunk)
		if n > 0 {
			w.write(backupRecord{Kind: backupState, Data: chunk[:n]})
		}
		switch {
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			return w.err
		case err != nil:
			return err
		}
	}
}

func (q *Queue) backupStream(ctx context.Context, out *backupWriter, stream string) error {
	for r := (getRequest{Seq: 1, NextBySubject: ">"}); out.err == nil; {
		var m *jetstream.RawStreamMsg
		err := q.retry(ctx, func(ctx context.Context) (err error) {
			m, err = q.leaderGet(ctx, stream, r)
			return err
		})
		if errorsIsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.Seq = m.Sequence + 1; isMarker(m.Header) {
			continue
		}
		one := backupRecord{Kind: backupMessage, Stream: stream, Subject: m.Subject, Data: m.Data}
		if ttl, err := time.ParseDuration(m.Header.Get(jetstream.MsgTTLHeader)); err == nil {
			one.Over = m.Time.Add(ttl).UnixMilli()
		}
		out.write(one)
	}
	return out.err
}

// Restore makes an embedded store of a backup, in a directory that has none. accept judges the keys of what
// was restored. After an error nothing is left.
func Restore(ctx context.Context, o Options, from io.Reader, accept func(keys *Bucket) error) (err error) {
	dir := filepath.Join(o.Dir, "nats")
	if o.URL != "" {
		return errors.New("queue: a backup is restored into an embedded store; OTPGW_NATS_URL names another")
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("queue: %s has a store; a backup is restored where there is none", dir)
	}
	q, err := Open(ctx, o)
	if err != nil {
		return err
	}
	err = q.restore(ctx, from, accept)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
	defer cancel()
	if err = errors.Join(err, q.Close(closing)); err != nil {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

func (q *Queue) restore(ctx context.Context, from io.Reader, accept func(keys *Bucket) error) error {
	z, err := gzip.NewReader(from)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackup, err)
	}
	state, stored := io.Pipe()
	put := make(chan error, 1)
	go func() {
		err := snapshots{q}.restore(ctx, state)
		state.CloseWithError(err)
		put <- err
	}()
	err = q.readBackup(ctx, cbor.NewDecoder(z), stored)
	stored.CloseWithError(err)
	if putErr := <-put; err == nil {
		err = putErr
	}
	if err == nil {
		err = accept(q.Keys())
	}
	return err
}

func (q *Queue) readBackup(ctx context.Context, in *cbor.Decoder, state io.Writer) error {
	streams := q.backedUp()
	for n := 0; ; n++ {
		var r backupRecord
		if err := in.Decode(&r); err != nil {
			return fmt.Errorf("%w: it ends after %d records: %w", ErrBackup, n, err)
		}
		var err error
		switch {
		case n == 0 && (r.Kind != backupHead || r.Format != backupFormat):
			return fmt.Errorf("%w, or one of a newer version", ErrBackup)
		case r.Kind == backupEnd && r.Records != n:
			return fmt.Errorf("%w: %d of %d records", ErrBackup, n, r.Records)
		case r.Kind == backupEnd:
			return nil
		case r.Kind == backupState:
			_, err = state.Write(r.Data)
		case r.Kind == backupMessage && slices.Contains(streams, r.Stream):
			err = q.restoreMessage(ctx, r)
		}
		if err != nil {
			return fmt.Errorf("queue: restore: %w", err)
		}
	}
}

func (q *Queue) restoreMessage(ctx context.Context, r backupRecord) error {
	m := &nats.Msg{Subject: r.Subject, Data: r.Data, Header: make(nats.Header)}
	if r.Over != 0 {
		left := time.Until(time.UnixMilli(r.Over))
		if left <= 0 {
			return nil
		}
		m.Header.Set(jetstream.MsgTTLHeader, wholeSeconds(left).String())
	}
	return q.retry(ctx, func(ctx context.Context) error {
		_, err := q.stream().PublishMsg(ctx, m, jetstream.WithExpectStream(r.Stream))
		return err
	})
}
