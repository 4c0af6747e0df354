package queue

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// maxKey is the length of a key, in octets.
const maxKey = 256

// Bucket holds one value per key. It is a part of the log, and so in memory and in each daemon alike, or a
// NATS key-value store (kv.go); only the former takes part in a Tx.
type Bucket struct {
	q     *Queue
	name  string
	bound Bound
	room  func(memory int64) int64 // octets, where they follow from Options.Memory instead; see octets
	kv    *kv                      // nil: in the log
}

// octets is how many the bucket may take.
func (b *Bucket) octets() int64 {
	if b.room == nil {
		return b.bound.Bytes
	}
	return b.room(b.q.memory.Load())
}

// Entry is a value and the revision to change it by.
type Entry struct {
	Value    []byte
	Revision uint64
}

// Get reads a value: ErrNotFound when there is none, which is certain. Where several daemons share the store
// a value may be milliseconds old; Update catches that. A daemon that has heard nothing from the store for a
// while asks it before it tells what it knew.
func (b *Bucket) Get(ctx context.Context, key string) (Entry, error) {
	if b.kv != nil {
		return b.kv.get(ctx, key)
	}
	if err := b.q.current(); err != nil {
		return Entry{}, err
	}
	if b.q.deaf() {
		return b.Latest(ctx, key)
	}
	if e, ok := b.q.look(b.name, key); ok {
		return Entry{e.Value, e.Revision}, nil
	}
	if err := b.q.readable(); err != nil {
		return Entry{}, err
	}
	if b.q.daemons == nil { // nobody else writes: what is not here is not there
		return Entry{}, ErrNotFound
	}
	return b.Latest(ctx, key)
}

// Len is about how many keys a bucket has, and costs nothing. Of one in JetStream it is known once a key was
// created, and from a second ago.
func (b *Bucket) Len() int {
	if b.kv != nil {
		keys, _ := b.q.gates[b.name].known()
		return keys
	}
	return b.q.ledger.Stats(b.name).Keys
}

// Fill is how near a bucket is to its bound, from 0 to 1, and costs nothing; see Len.
func (b *Bucket) Fill() float64 {
	if b.kv != nil {
		_, full := b.q.gates[b.name].known()
		return full
	}
	fill := b.q.ledger.Stats(b.name)
	return max(float64(fill.Keys)/float64(b.bound.Msgs), float64(fill.Bytes)/float64(b.octets()))
}

// Near is Get where an absence may be milliseconds old too, and costs nothing. For a bucket in the log only.
func (b *Bucket) Near(key string) (Entry, error) {
	if err := b.q.current(); err != nil {
		return Entry{}, err
	}
	if b.q.deaf() {
		return Entry{}, fmt.Errorf("%w: nothing was heard from the log for %s", ErrUnavailable, b.q.ledger.Fresh().Round(time.Second))
	}
	if e, ok := b.q.look(b.name, key); ok {
		return Entry{e.Value, e.Revision}, nil
	}
	return Entry{}, b.q.notFound()
}

// current is ErrUnavailable when what is in memory is not what is stored, since the log has ended, or failed.
func (q *Queue) current() error {
	if err := q.ledger.Err(); err != nil && q.disk.err() == nil { // after a failed write what was stored before is here still
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// deafAfter is how old what is here may be before the store is asked whether it still holds. A daemon renews
// its lease, and so hears from the log, every second.
const deafAfter = 2 * time.Second

// deaf: others may have changed what is here, and this daemon has not heard from the log for a while. It is
// cut off, or the store has no leader, or the machine stood still.
func (q *Queue) deaf() bool { return q.daemons != nil && q.ledger.Fresh() > deafAfter }

// readable is ErrUnavailable once a value that had left the memory could not be read back.
func (q *Queue) readable() error {
	if err := q.ledger.Unreadable(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// notFound is ErrNotFound, when that is what it means that the log does not find something.
func (q *Queue) notFound() error {
	if err := q.readable(); err != nil {
		return err
	}
	return ErrNotFound
}

// Latest is Get of what is stored at the time of the call by any daemon, and dearer.
func (b *Bucket) Latest(ctx context.Context, key string) (Entry, error) {
	if b.kv != nil {
		return b.kv.latest(ctx, key)
	}
	if b.q.daemons != nil {
		if err := b.q.Commit(ctx, b.q.Begin()); err != nil {
			return Entry{}, err
		}
	}
	if e, ok := b.q.look(b.name, key); ok {
		return Entry{e.Value, e.Revision}, nil
	}
	return Entry{}, b.q.notFound()
}

// Create stores a value under a key that has none, else ErrConflict. ttl 0 is the bucket's own age.
func (b *Bucket) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return b.change(ctx, key, commitlog.Op{Value: value, TTL: ttl, If: commitlog.IfAbsent})
}

// Update changes the value that has the given revision, else ErrConflict.
func (b *Bucket) Update(ctx context.Context, key string, value []byte, ttl time.Duration, revision uint64) (uint64, error) {
	return b.change(ctx, key, commitlog.Op{Value: value, TTL: ttl, If: commitlog.IfRevision, Revision: revision})
}

// Put stores a value whatever is there.
func (b *Bucket) Put(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return b.change(ctx, key, commitlog.Op{Value: value, TTL: ttl})
}

// Delete removes the key, whatever is there; no error when there is nothing.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	_, err := b.change(ctx, key, commitlog.Op{Action: commitlog.Delete})
	return err
}

// DeleteRevision removes the key if its value has the given revision, else ErrConflict.
func (b *Bucket) DeleteRevision(ctx context.Context, key string, revision uint64) error {
	_, err := b.change(ctx, key, commitlog.Op{Action: commitlog.Delete, If: commitlog.IfRevision, Revision: revision})
	return err
}

func (b *Bucket) change(ctx context.Context, key string, o commitlog.Op) (uint64, error) {
	if b.kv != nil {
		return b.kv.change(ctx, key, o)
	}
	t := b.q.Begin().bucket(b, key, o)
	err := b.q.Commit(ctx, t)
	return t.revision, err
}

// admit is ErrFull when there is no room for a new key.
func (b *Bucket) admit(size int) error {
	fill := b.q.ledger.Stats(b.name)
	if int64(fill.Keys) >= b.bound.Msgs || fill.Bytes+int64(size) > b.octets() {
		return fmt.Errorf("%w: bucket %s is at its limit", ErrFull, b.name)
	}
	if b.name == bucketRecords {
		return b.q.roomForMore()
	}
	return nil
}

// What begins a key in the log, where its text is shortened: keys are in memory.
const (
	compactUUID = "\x01" // a UUID, in 16 octets instead of 36, and what stands behind it
	compactName = "\x02" // a name of 32 hexadecimal digits (seal.Box.Name), in 16 octets, and what stands before it
)

// compact is the form of a key in the log; no two keys have the same.
func compact(key string) string {
	var room [64]byte
	if short := appendCompact(room[:0], key); string(short) != key {
		return string(short)
	}
	return key
}

func appendCompact(out []byte, key string) []byte {
	const text, digits = 36, 32
	if len(key) >= text && key[8] == '-' && !hasCapitals(key[:text]) {
		if id, err := uuid.Parse(key[:text]); err == nil {
			return append(append(append(out, compactUUID...), id[:]...), key[text:]...)
		}
	}
	if begin := len(key) - digits; begin >= 0 && !hasCapitals(key[begin:]) {
		var name [digits / 2]byte
		if _, err := hex.Decode(name[:], []byte(key[begin:])); err == nil {
			return append(append(append(out, compactName...), name[:]...), key[:begin]...)
		}
	}
	return append(out, key...)
}

// hasCapitals: a UUID or name with one would be another when it is expanded.
func hasCapitals(digits string) bool {
	for i := range len(digits) {
		if c := digits[i]; c >= 'A' && c <= 'F' {
			return true
		}
	}
	return false
}

// look reads a key of a bucket in the log, as it is here.
func (q *Queue) look(bucket, key string) (commitlog.Entry, bool) {
	var room [64]byte
	return q.ledger.Get(bucket, string(appendCompact(room[:0], key)))
}

// expand is the key that compact was given.
func expand(key string) string {
	switch {
	case len(key) < 17:
	case key[:1] == compactUUID:
		return uuid.UUID([]byte(key[1:17])).String() + key[17:]
	case key[:1] == compactName:
		return key[17:] + hex.EncodeToString([]byte(key[1:17]))
	}
	return key
}

// PackID is a UUID in 17 octets, and any other text as it is: for what is stored by the million.
func PackID(id string) []byte {
	const text, packed = 36, 17
	if len(id) != text {
		return []byte(id)
	}
	return appendCompact(make([]byte, 0, packed), id)
}

// UnpackID is the text that PackID was given.
func UnpackID(packed []byte) string {
	switch {
	case len(packed) == 17 && packed[0] == compactUUID[0]:
		return uuid.UUID(packed[1:]).String()
	case len(packed) == 21 && packed[0] == compactName[0]:
		return expand(string(packed))
	}
	return string(packed)
}
