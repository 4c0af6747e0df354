package queue

// Append adds to what a key has, up to a length, in a bucket where no value decides anything: of two that are added in one moment one
// may be lost, and of more keys than there is room for none is kept.
func (t *Tx) Append(b *Bucket, key string, more []byte, most int) *Tx {
	e, known := b.Local(key)
	if len(e.Value)+len(more) > most || !known && b.admit(len(key)+len(more)) != nil {
		return t
	}
	return t.Put(b, key, append(e.Value, more...), 0)
}
