package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/seal"
)

// openBox makes the box that seals what must not be read in the store. Without OTPGW_SECRET_KEY the key is
// generated once into the data directory.
func openBox(c *config.Config) (*seal.Box, error) {
	if c.SecretKey == nil {
		key, err := seal.LoadOrCreateKey(c.SecretKeyFile())
		if err == nil {
			err = c.UseKey(key)
		}
		if err != nil {
			return nil, err
		}
	}
	return seal.New(c.SecretKey, c.OldKeys...)
}

// anchorKey is the one entry of the bucket.
const anchorKey = "anchor"

// anchor ties the box to the store. A store that another key sealed is refused before anything of it is
// touched; one that an older key sealed is tied to the new one.
func anchor(ctx context.Context, box *seal.Box, keys *queue.Bucket) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	for {
		e, err := keys.Latest(ctx, anchorKey)
		if errors.Is(err, queue.ErrNotFound) {
			if _, err = keys.Create(ctx, anchorKey, box.Anchor(), 0); err == nil {
				return nil
			}
		} else if err == nil {
			var renew bool
			if renew, err = box.Adopt(e.Value); err != nil || !renew {
				return err
			}
			if _, err = keys.Update(ctx, anchorKey, box.Anchor(), 0, e.Revision); err == nil {
				return nil
			}
		}
		if !errors.Is(err, queue.ErrConflict) { // else another daemon was first: see what it wrote
			return fmt.Errorf("the store's anchor of the secret key: %w", err)
		}
	}
}
