package dlr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// Bucket is what the index needs of a queue.Bucket (queue.Queue.Receipts).
type Bucket interface {
	Get(ctx context.Context, key string) (queue.Entry, error)
	Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error)
	Update(ctx context.Context, key string, value []byte, ttl time.Duration, revision uint64) (uint64, error)
}

// Index maps the message ids of SMSCs to messages of ours, one link's apart from another's. It is safe for use by
// many goroutines, and by many daemons on one bucket.
//
// An id is stored once, under its normal form; a look-up tries the forms that the link's rule allows. What stays
// ambiguous under Auto, and is therefore told here:
//   - an SMSC that counts in base 62 may give "a1" and "A1" to two messages. Both are hexadecimal in form, so a receipt
//     for one that was never ours can match the other. With rule exact it cannot.
//   - a guessed base needs a proof (see Find); without addresses an id of digits only stays unmatched. The rules
//     hex-dec and dec-hex need no proof.
type Index struct {
	bucket Bucket
	cache  *cache
}

// NewIndex returns an index over the bucket.
func NewIndex(b Bucket) *Index { return &Index{bucket: b, cache: newCache(cacheSize, time.Now)} }

// errNoID is returned for a message id without any octet: no receipt can name it.
var errNoID = errors.New("dlr: empty message id")

// maxRaces bounds how often Put meets another writer of the same key.
const maxRaces = 8

// Put stores that messageID, as the SMSC of link gave it, is entry. It is found from the call on, not only from the return
// on. It returns when the bucket has it, or an error of package queue.
func (x *Index) Put(ctx context.Context, link, messageID string, e Entry) error {
	id := trimID(messageID)
	if id == "" {
		return errNoID
	}
	s := stored{Original: id, OtpID: e.OtpID, MessageID: e.MessageID, Part: e.Part, Parts: e.Parts, Address: tail(e.To)}
	key := keyOf(link, normal(id))
	x.cache.put(key, s)
	for range maxRaces {
		list := chain{s}
		_, err := x.bucket.Create(ctx, key, list.encode(), 0)
		if errors.Is(err, queue.ErrConflict) {
			list, err = x.extend(ctx, key, s)
		}
		if err == nil {
			x.cache.confirm(key, list)
			return nil
		}
		if !errors.Is(err, queue.ErrConflict) && !errors.Is(err, queue.ErrNotFound) {
			return fmt.Errorf("dlr: store message id: %w", err)
		}
	}
	return fmt.Errorf("dlr: store message id: %w", queue.ErrConflict)
}

// extend adds an entry to a key that is there already.
func (x *Index) extend(ctx context.Context, key string, s stored) (chain, error) {
	list, revision, err := x.read(ctx, key)
	if err != nil {
		return nil, err
	}
	list = list.with(s)
	_, err = x.bucket.Update(ctx, key, list.encode(), 0, revision)
	return list, err
}

func (x *Index) read(ctx context.Context, key string) (chain, uint64, error) {
	e, err := x.bucket.Get(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	var list chain
	if err := json.Unmarshal(e.Value, &list); err != nil {
		return nil, e.Revision, nil // unreadable is as good as empty, and is overwritten by the next Put
	}
	return list, e.Revision, nil
}

// Query is a receipt's view of a message.
type Query struct {
	Link      string
	Rule      Rule
	ID        string   // of the receipt
	Addresses []string // of the receipt's PDU, source and destination; optional
	Settled   bool     // the receipt is old enough that its response must be stored, if there ever was one
}

// Find looks a receipt's message up; false when it is not known, or not for certain.
//
// Under Auto, an id in another base matches only with a proof: an address of the receipt is the message's destination.
// Where one side has no address, it matches when the receipt has settled, so that its own id would be there if it was
// ours, and the hexadecimal side has a letter, so that it cannot be a decimal id.
func (x *Index) Find(ctx context.Context, q Query) (Entry, bool, error) {
	for _, k := range candidates(q.Rule, q.ID) {
		s, ok, err := x.lookup(ctx, keyOf(q.Link, k.form), k, q.Rule)
		if err != nil {
			return Entry{}, false, err
		}
		if ok && (!k.guessed || certain(k, s, q)) {
			return s.entry(), true, nil
		}
	}
	return Entry{}, false, nil
}

func certain(k candidate, s stored, q Query) bool {
	switch compare(s.Address, q.Addresses) {
	case proven:
		return true
	case disproven:
		return false
	}
	return q.Settled && k.lettered
}

// lookup reads one key, from the cache where that is as good as the bucket: an exact id, the only one of a form
// that the bucket confirmed, or a form of an explicit rule, which is never a guess.
func (x *Index) lookup(ctx context.Context, key string, k candidate, rule Rule) (stored, bool, error) {
	if c, ok := x.cache.get(key); ok {
		s, found := c.chain.match(k)
		if found && (c.stored || rule != Auto || s.Original == k.prefer) {
			return s, true, nil
		}
	}
	list, _, err := x.read(ctx, key)
	if errors.Is(err, queue.ErrNotFound) {
		return stored{}, false, nil
	}
	if err != nil {
		return stored{}, false, fmt.Errorf("dlr: look up message id: %w", err)
	}
	s, found := list.match(k)
	return s, found, nil
}
