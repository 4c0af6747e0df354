package commitlog

import (
	"errors"
	"time"
)

// The kinds of error a caller can act on.
var (
	ErrConflict = errors.New("commitlog: a condition of the transaction does not hold")
	ErrFull     = errors.New("commitlog: the log is full; nothing was stored")
	ErrUnknown  = errors.New("commitlog: not known whether the transaction was stored")
	ErrRefused  = errors.New("commitlog: the transaction was not stored")
	ErrFormat   = errors.New("commitlog: a batch of a newer format; this program is too old to apply it")
	ErrClosed   = errors.New("commitlog: closed")
)

// Condition is what must hold for an operation, and with it for its whole transaction.
type Condition uint8

// The conditions. A key whose time to live is over counts as absent.
const (
	Always     Condition = iota
	IfAbsent             // the key has no value
	IfRevision           // the key's value has the revision of the operation
)

// Action is what an operation does.
type Action uint8

// The actions.
const (
	Set Action = iota
	Delete
	Check // nothing but its condition
)

// Op is one operation of a transaction. Bucket and Key may be any octets; the shorter, the less memory.
type Op struct {
	Bucket   string
	Key      string
	Action   Action
	If       Condition
	Revision uint64
	Value    []byte        // the caller's again when Commit returns, and not to be changed before
	TTL      time.Duration // of what is set, in whole milliseconds; 0 is for ever
}

// Tx is done as a whole or not at all. All that it sets has one revision, that of the transaction. An empty
// Tx is a barrier: when it is answered, everything that was stored before it was begun is applied here.
type Tx []Op

// Entry is a value as it is now.
type Entry struct {
	Value    []byte // a copy; the caller's own
	Revision uint64
	Expires  time.Time // by the log's clock; zero for never
}

// Change is what a Watcher hears of a key. Value is only for reading, and only until the Watcher returns; of
// what is gone there is none.
type Change struct {
	Key      string
	Value    []byte
	Revision uint64
	Expires  time.Time
	Gone     bool // deleted, or its time to live is over
	Over     bool // it is gone because its time to live is
	Mine     bool // by a transaction of this process since its start
}

// Watcher is told of each change of a bucket, in the log's order, by the one goroutine that applies. It must
// not block.
type Watcher func(Change)
