package queue

import "time"

// Append adds to what a key has, up to a length, in a bucket where no value decides anything: of two that are
// added in one moment one may be lost, and of more keys than there is room for none is kept. The value stays
// for ttl from the last addition.
func (t *Tx) Append(b *Bucket, key string, more []byte, most int, ttl time.Duration) *Tx {
	e, known := b.Local(key)
	if len(e.Value)+len(more) > most || !known && b.admit(len(key)+len(more)) != nil {
		return t
	}
	return t.Put(b, key, append(e.Value, more...), ttl)
}
