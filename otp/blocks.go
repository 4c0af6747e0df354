package otp

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

// Block denies or allows a prefix for a time; 0 is until it is taken back.
func (s *Service) Block(ctx context.Context, prefix string, allow bool, life time.Duration) (Block, error) {
	b := Block{Prefix: prefix, Allow: allow}
	if err := checkPrefix(prefix); err != nil {
		return b, err
	}
	if life > 0 {
		b.Until = s.now().Add(life).UTC().Truncate(time.Second)
	}
	data, err := cbor.Marshal(b)
	if err == nil {
		_, err = s.Queue.Blocks().Put(ctx, prefix, data, life)
	}
	return b, err
}

// Unblock takes back what was said of a prefix; queue.ErrNotFound when nothing was.
func (s *Service) Unblock(ctx context.Context, prefix string) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	if _, err := s.Queue.Blocks().Get(ctx, prefix); err != nil {
		return err
	}
	return s.Queue.Blocks().Delete(ctx, prefix)
}

// Blocks are all of them, by their prefixes.
func (s *Service) Blocks(ctx context.Context) ([]Block, error) {
	list := []Block{}
	err := s.Queue.Blocks().Each(ctx, func(prefix string, value []byte) bool {
		b := Block{Prefix: prefix}
		if cbor.Unmarshal(value, &b) == nil {
			list = append(list, b)
		}
		return true
	})
	slices.SortFunc(list, func(a, b Block) int { return strings.Compare(a.Prefix, b.Prefix) })
	return list, err
}

// blocked is what an operator said of a number; false when nobody said anything.
func (s *Service) blocked(e164 string) (b Block, ok bool, err error) {
	if s.Queue.Blocks().Len() == 0 {
		return b, false, nil
	}
	for n := min(len(e164), MaxBlock+1); n > MinBlock; n-- {
		e, err := s.Queue.Blocks().Near(e164[:n])
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
