package otp

import (
	"fmt"
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// greed is how many times what is free of a room of the store one application may take. So one alone gets four
// fifths of it, and where several fill it there is always room for one that has little.
const greed = 4

// crowdSlot is how exactly it is known when they are forgotten.
const crowdSlot = 5 * time.Minute

// crowd counts what is in a room of the store, of each application: OTPs, or idempotency keys, that this
// daemon made. What was there at its start is nobody's.
type crowd struct {
	mu   sync.Mutex
	made map[string]map[int64]int // by application and the slot in which they are forgotten
}

func (c *crowd) add(app string, forgotten time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil {
		c.made = make(map[string]map[int64]int)
	}
	if c.made[app] == nil {
		c.made[app] = make(map[int64]int)
	}
	c.made[app][forgotten.Unix()/int64(crowdSlot/time.Second)]++
}

// of is how many an application has.
func (c *crowd) of(app string, now time.Time) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for slot, made := range c.made[app] {
		if slot < now.Unix()/int64(crowdSlot/time.Second) {
			delete(c.made[app], slot)
			continue
		}
		n += made
	}
	return n
}

// room is queue.ErrFull for an application whose OTPs have used up its share of the store.
func (s *Service) room(app *App, now time.Time) error {
	return s.fits(&s.crowd, app, now, s.Queue.Full(), s.Queue.Records().Len(), "OTPs", "OTPGW_MEMORY, OTPGW_STORE_SIZE")
}

// keyRoom is room for one more idempotency key.
func (s *Service) keyRoom(app *App, now time.Time) error {
	b := s.Queue.Answers()
	return s.fits(&s.keyed, app, now, b.Fill(), b.Len(), "Idempotency-Keys of a day", "OTPGW_STORE_SIZE")
}

// fits is queue.ErrFull for an application that has used up its share of a room, where there are others. full
// is the part of it that is taken, by so many of all applications. Other daemons are taken to make as many of
// its as this one.
func (s *Service) fits(c *crowd, app *App, now time.Time, full float64, many int, what, setting string) error {
	if full*(greed+1) <= greed || len(s.present()) < 2 { // nobody has so much
		return nil
	}
	_, others := s.Queue.Daemons()
	share := full * min(float64(c.of(app.Name, now)*(1+len(others)))/float64(max(many, 1)), 1)
	if share > greed*(1-full) {
		return fmt.Errorf("%w: the %s of %s have used up its share of the store (%s)", queue.ErrFull, what, app.Name, setting)
	}
	return nil
}
