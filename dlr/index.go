package dlr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// Bucket is what the index needs of a queue.Bucket (queue.Queue.Receipts).
type Bucket interface {
	Get(ctx context.Context, key string) (queue.Entry, error)
	Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error)
	Update(ctx context.Context, key string, value []byte, ttl time.Duration, revision uint64) (uint64, error)
}

// Index maps the message ids of SMSCs to messages of ours, one link's apart from another's. It is safe for
// use by many goroutines, and by many daemons on one bucket.
//
// An id is stored under its normal form, and that of a part with the part's number at its end also without
// it; a look-up tries the forms that the link's rule allows. Carriers use ids again, and change them on the
// way, so a receipt that has the number of a handset matches only a message to that number. What stays
// ambiguous under Auto, and is therefore told here:
//   - an SMSC that counts in base 62 may give "a1" and "A1" to two messages. Both are hexadecimal in form, so a receipt
//     without a number for one that was never ours can match the other. With rule exact it cannot.
//   - a guessed form needs a proof (see Find); without addresses an id of digits only stays unmatched. The rules
//     hex-dec and dec-hex need no proof.
type Index struct {
	bucket    Bucket
	cache     *cache
	overtaken *overtaken
	now       func() time.Time // the clock that times of messages and receipts are by
}

// NewIndex returns an index over the bucket.
func NewIndex(b Bucket) *Index {
	return &Index{bucket: b, cache: newCache(cacheSize, time.Now), overtaken: newOvertaken(), now: time.Now}
}

// errNoID is returned for a message id without any octet: no receipt can name it.
var errNoID = errors.New("dlr: empty message id")

// maxRaces bounds how often Put meets another writer of the same key.
const maxRaces = 8

// Put stores that messageID, as the SMSC of link gave it, is entry. It is found from the call on, not only
// from the return on. It returns when the bucket has it, or an error of package queue.
func (x *Index) Put(ctx context.Context, link, messageID string, e Entry) error {
	forms, err := formsOf(messageID, e)
	for _, s := range forms {
		if err = x.put(ctx, link, s, e.Keep); err != nil {
			return err
		}
	}
	return err
}

// Given is a message id as an SMSC gave it, and what it was given to.
type Given struct {
	MessageID string
	Entry
}

// addition is a key with what a transaction puts under it.
type addition struct {
	key  string
	list chain
	keep time.Duration
	slot *slot // of the cache

	revision uint64 // of what is there; 0: nothing is
}

// Add is Put, of several ids of a link, as a part of a transaction on the bucket in the store. It goes by
// what is known here: when another writer of the same id was faster the transaction is a conflict, and Put
// stores it. stored is to be called when the transaction is committed. An id that is none is left out.
func (x *Index) Add(tx *queue.Tx, b *queue.Bucket, link string, ids []Given) (stored func()) {
	var all []addition
	for _, id := range ids {
		forms, _ := formsOf(id.MessageID, id.Entry)
		for _, s := range forms {
			key := keyOf(link, normal(s.Original))
			slot := x.cache.put(key, s)
			at := slices.IndexFunc(all, func(a addition) bool { return a.key == key })
			if at < 0 {
				at = len(all)
				all = append(all, addition{key: key, keep: id.Keep})
				if old, err := b.Near(key); err == nil {
					all[at].list, all[at].revision = decodeChain(old.Value), old.Revision
				}
			}
			all[at].list, all[at].slot = all[at].list.with(s), slot
		}
	}
	for _, a := range all {
		if a.revision == 0 {
			tx.Create(b, a.key, a.list.encode(), a.keep)
		} else {
			tx.Update(b, a.key, a.list.encode(), a.keep, a.revision)
		}
	}
	return func() {
		for _, a := range all {
			x.cache.confirm(a.slot, a.list)
			x.overtaken.put(a.key)
		}
	}
}

// formsOf is what is stored for a message id: first, of a part whose id ends with its number, what is under
// the id without.
func formsOf(messageID string, e Entry) (forms []stored, err error) {
	id := trimID(messageID)
	if id == "" {
		return nil, errNoID
	}
	s := stored{Original: id, OtpID: e.OtpID, MessageID: e.MessageID, Part: e.Part, Parts: e.Parts, Address: tail(e.To), Sender: tail(e.From)}
	if !e.At.IsZero() {
		s.At = e.At.UnixMilli()
	}
	if whole, n, ok := cutPart(id); ok && e.Parts > 1 && (n == e.Part || n == e.Part-1) {
		w := s
		w.Original, w.Part = whole, 0
		forms = append(forms, w)
	}
	return append(forms, s), nil
}

func (x *Index) put(ctx context.Context, link string, s stored, keep time.Duration) error {
	key := keyOf(link, normal(s.Original))
	slot := x.cache.put(key, s)
	for range maxRaces {
		list := chain{s}
		_, err := x.bucket.Create(ctx, key, list.encode(), keep)
		if errors.Is(err, queue.ErrConflict) {
			list, err = x.extend(ctx, key, s, keep)
		}
		if err == nil {
			x.cache.confirm(slot, list)
			x.overtaken.put(key)
			return nil
		}
		if !errors.Is(err, queue.ErrConflict) && !errors.Is(err, queue.ErrNotFound) {
			return fmt.Errorf("dlr: store message id: %w", err)
		}
	}
	return fmt.Errorf("dlr: store message id: %w", queue.ErrConflict)
}

// extend adds an entry to a key that is there already.
func (x *Index) extend(ctx context.Context, key string, s stored, keep time.Duration) (chain, error) {
	list, revision, err := x.read(ctx, key)
	if err != nil {
		return nil, err
	}
	list = list.with(s)
	_, err = x.bucket.Update(ctx, key, list.encode(), keep, revision)
	return list, err
}

func (x *Index) read(ctx context.Context, key string) (chain, uint64, error) {
	e, err := x.bucket.Get(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	return decodeChain(e.Value), e.Revision, nil
}

// Query is a receipt's view of a message.
type Query struct {
	Link      string   `json:"link"`
	Rule      IDMatch  `json:"rule"`
	ID        string   `json:"id"`                  // of the receipt
	OtherID   string   `json:"-"`                   // of the receipt as well, less likely; optional
	Addresses []string `json:"addresses,omitempty"` // of the receipt's PDU, source and destination; optional
	AnyNumber bool     `json:"anyNumber,omitempty"` // the carrier rewrites numbers: that of a receipt says nothing against a message
	Settled   bool     `json:"-"`                   // the receipt is old enough that its response must be stored, if there ever was one
}

// Find looks a receipt's message up; false when it is not known, or not for certain.
//
// Under Auto, an id in another base or case matches only with a proof: an address of the receipt is the
// message's destination. Where one side has no address, an id in another base matches when the receipt has
// settled, so that its own id would be there if it was ours, and the hexadecimal side has a letter, so that
// it cannot be a decimal id.
func (x *Index) Find(ctx context.Context, q Query) (Entry, bool, error) {
	m, err := x.find(ctx, q)
	return m.entry(), m.found, err
}

// find tries the receipt's ids; of two that are known, the number decides. The less likely id needs it, or
// time.
func (x *Index) find(ctx context.Context, q Query) (match, error) {
	m, err := x.findID(ctx, q.ID, q)
	if err != nil || m.proof == proven || q.OtherID == "" {
		return m, err
	}
	other, err := x.findID(ctx, q.OtherID, q)
	if err == nil && other.found && (other.proof == proven || !m.found && q.Settled) {
		return other, nil
	}
	m.others = m.others || other.others
	return m, err
}

// findID looks for an id as the rule says, and then for that of a message whose parts the carrier numbers in
// receipts only.
func (x *Index) findID(ctx context.Context, id string, q Query) (match, error) {
	m, err := x.findForm(ctx, id, q)
	if err != nil || m.found {
		return m, err
	}
	whole, n, ok := cutPart(trimID(id))
	if !ok {
		return m, nil
	}
	w, err := x.findForm(ctx, whole, q)
	if err != nil || !w.found || w.Parts < 2 || n > w.Parts || w.proof != proven && !q.Settled {
		return m, err
	}
	w.Part = max(n, 1) // some count from 0
	return w, nil
}

func (x *Index) findForm(ctx context.Context, id string, q Query) (match, error) {
	var others bool
	for k := range candidates(q.Rule, id) {
		m, err := x.lookup(ctx, keyOf(q.Link, k.form), k, q)
		if err != nil {
			return match{}, err
		}
		if m.found && (!k.guessed || m.proof == proven || m.proof == noProof && q.Settled && k.lettered) {
			return m, nil
		}
		others = others || m.others && !k.guessed
	}
	return match{others: others}, nil
}

// lookup reads one key, from the cache where that is as good as the bucket: an exact id, the only one of a
// form that the bucket confirmed, or a form of an explicit rule, which is never a guess.
func (x *Index) lookup(ctx context.Context, key string, k candidate, q Query) (match, error) {
	if c, ok := x.cache.get(key); ok {
		if m := c.chain.match(k, q); m.found && (c.stored || q.Rule != Auto || m.exact) {
			return m, nil
		}
	}
	list, _, err := x.read(ctx, key)
	if errors.Is(err, queue.ErrNotFound) {
		return match{}, nil
	}
	if err != nil {
		return match{}, fmt.Errorf("dlr: look up message id: %w", err)
	}
	return list.match(k, q), nil
}
