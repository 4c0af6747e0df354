package queue

import (
	"context"
	"fmt"
	"strings"
)

// Item is a value with its key.
type Item struct {
	Key string
	Entry
}

// List returns up to most values of a bucket, those first that were changed longest ago. It asks the store's
// leader for one after the other: it is for key-value stores that hold few.
func (b *Bucket) List(ctx context.Context, most int) ([]Item, error) {
	if b.kv == nil {
		return nil, fmt.Errorf("queue: bucket %s is no key-value store", b.name)
	}
	var list []Item
	for after := uint64(0); len(list) < most; {
		var it Item
		var gone bool
		err := b.q.retry(ctx, func(ctx context.Context) error {
			m, err := b.q.leaderGet(ctx, b.kv.stream, getRequest{Seq: after + 1, NextBySubject: b.kv.prefix + ">"})
			if err != nil {
				return err
			}
			it = Item{strings.TrimPrefix(m.Subject, b.kv.prefix), Entry{Value: m.Data, Revision: m.Sequence}}
			gone = isMarker(m.Header)
			return nil
		})
		if errorsIsNotFound(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		if after = it.Revision; !gone {
			list = append(list, it)
		}
	}
	return list, nil
}
