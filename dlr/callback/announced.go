package callback

import (
	"bytes"
	"sync"

	"github.com/otpgw/otpgw/otp"
)

// maxAnnounced bounds what is kept of items that another daemon took, or that were never stored.
const maxAnnounced = 4096

// announced are the events that are stored here as items, by their key, until they come back through the
// queue: what was written a moment ago need not be read.
type announced struct {
	mu     sync.Mutex
	events map[string]announcement // guarded by mu
}

// announcement is an event, and what was to be stored of it.
type announcement struct {
	event otp.Event
	data  []byte
}

func (a *announced) keep(key string, e *otp.Event, data []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.events == nil || len(a.events) >= maxAnnounced {
		a.events = make(map[string]announcement)
	}
	a.events[key] = announcement{*e, data}
}

// take is the event of an item with this data; false when it was not stored here not long ago.
func (a *announced) take(key string, data []byte) (e otp.Event, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	was, ok := a.events[key]
	if !ok || !bytes.Equal(was.data, data) {
		return otp.Event{}, false
	}
	delete(a.events, key)
	return was.event, true
}
