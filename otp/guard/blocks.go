package guard

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/otpgw/otpgw/queue"
)

// Block is what an operator said of the numbers that begin so, for all applications and daemons, whatever the
// guard's settings are: the longest beginning of a number counts. The numbers of the fields are what is
// stored.
type Block struct {
	Prefix string    `cbor:"-" json:"prefix"` // with +
	Allow  bool      `cbor:"1,keyasint" json:"allow"`
	Until  time.Time `cbor:"2,keyasint" json:"until,omitzero"` // zero: until it is taken back
}

// The bounds of a Block's prefix, in digits.
const (
	MinBlock = 1
	MaxBlock = 15
)

// ErrPrefix: a prefix is "+" and 1 to 15 digits, of which the first is no 0.
var ErrPrefix = errors.New("a beginning of numbers is + and 1 to 15 digits, like +4670")

func checkPrefix(prefix string) error {
	digits, plus := strings.CutPrefix(prefix, "+")
	if !plus || len(digits) < MinBlock || len(digits) > MaxBlock || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return ErrPrefix
	}
	return nil
}

// Blocks are what operators said, in the store: every daemon sees it.
type Blocks struct {
	Bucket *queue.Bucket
	Now    func() time.Time
}

// Set denies or allows a prefix for a time; 0 is until it is taken back.
func (l Blocks) Set(ctx context.Context, prefix string, allow bool, life time.Duration) (Block, error) {
	b := Block{Prefix: prefix, Allow: allow}
	if err := checkPrefix(prefix); err != nil {
		return b, err
	}
	if life > 0 {
		b.Until = l.Now().Add(life).UTC().Truncate(time.Second)
	}
	data, err := cbor.Marshal(b)
	if err == nil {
		_, err = l.Bucket.Put(ctx, prefix, data, life)
	}
	return b, err
}

// Remove takes back what was said of a prefix; queue.ErrNotFound when nothing was.
func (l Blocks) Remove(ctx context.Context, prefix string) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	if _, err := l.Bucket.Get(ctx, prefix); err != nil {
		return err
	}
	return l.Bucket.Delete(ctx, prefix)
}

// List are all of them, by their prefixes.
func (l Blocks) List(ctx context.Context) ([]Block, error) {
	list := []Block{}
	err := l.Bucket.Each(ctx, func(prefix string, value []byte) bool {
		b := Block{Prefix: prefix}
		if cbor.Unmarshal(value, &b) == nil {
			list = append(list, b)
		}
		return true
	})
	slices.SortFunc(list, func(a, b Block) int { return strings.Compare(a.Prefix, b.Prefix) })
	return list, err
}

// Of is what an operator said of a number; false when nobody said anything.
func (l Blocks) Of(e164 string) (b Block, ok bool, err error) {
	if l.Bucket.Len() == 0 {
		return b, false, nil
	}
	for n := min(len(e164), MaxBlock+1); n > MinBlock; n-- {
		e, err := l.Bucket.Near(e164[:n])
		if errors.Is(err, queue.ErrNotFound) {
			continue
		}
		if err == nil {
			err = cbor.Unmarshal(e.Value, &b)
		}
		return b, err == nil, err
	}
	return b, false, nil
}
