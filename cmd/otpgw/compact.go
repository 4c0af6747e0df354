package main

import (
	"context"
	"time"
)

// compactTime bounds one writing of the store's log.
const compactTime = 5 * time.Minute

// compactSoon has the store's log written anew.
func (d *daemon) compactSoon() {
	select {
	case d.compact <- struct{}{}:
	default: // it is about to
	}
}

// compacts writes the store's log anew when somebody was forgotten, until ctx ends.
func (d *daemon) compacts(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.compact:
		}
		one, cancel := context.WithTimeout(ctx, compactTime)
		if err := d.queue.Compact(one); err != nil && ctx.Err() == nil {
			d.log.Error().Err(err).Msg("the store's log is not written anew; what was forgotten is in it until the next time")
		}
		cancel()
	}
}
