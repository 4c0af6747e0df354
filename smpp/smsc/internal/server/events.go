package server

import (
	"errors"
	"sync"
	"sync/atomic"
)

const (
	// maxListeners bounds the listeners at once, eventQueue what waits for one of them.
	maxListeners = 64
	eventQueue   = 1024
)

// Topic is what an event is about, and its name in the stream.
type Topic string

// The topics. The first two carry what is new; the others say what to ask for again.
const (
	TopicMessage  Topic = "message"  // a Message: new, or changed
	TopicPDU      Topic = "pdu"      // a PDU; only for streams that ask for it
	TopicCleared  Topic = "cleared"  // messages were deleted
	TopicSessions Topic = "sessions" // a session or an account came, went or changed
	TopicRules    Topic = "rules"    // the rules changed
	TopicReload   Topic = "reload"   // this stream missed events and ends here: ask for everything again
)

// hub hands events to who listens. Its zero value is ready, and costs one atomic load per event while nobody
// listens. It never waits: a stream whose queue is full is told to reload and ends.
type hub struct {
	listeners atomic.Int32 // spares the lock and the encoding when there is none
	forPDUs   atomic.Int32 // those that want PDUs

	mu  sync.Mutex // guards all, and what each has pending
	all map[*Listener]struct{}
}

// ErrListeners is one listener too many.
var ErrListeners = errors.New("smsc: too many listen already")

// Listener is told of what happens in a server.
type Listener struct {
	hub   *hub
	pdus  bool
	queue chan Event
	lost  chan struct{} // closed when the queue was full
	// pending are the messages in queue. One that changes again is not queued again: it is shown as it is
	// when its turn comes.
	pending map[*record]struct{}
}

// Event is something that happened.
type Event struct {
	Topic Topic
	// Value is what it carries, as it is now: it is made by who reads the event, not by the SMPP side.
	Value func() any

	of *record // for TopicMessage
}

// Listen returns a listener, with PDUs or without, which the caller ends with its Close. The error is
// ErrListeners.
func (s *Server) Listen(pdus bool) (*Listener, error) {
	l := s.events.listen(pdus)
	if l == nil {
		return nil, ErrListeners
	}
	return l, nil
}

// Events are the events of a listener. Each that is taken from the channel goes through Taken, before its
// Value is called.
func (l *Listener) Events() <-chan Event { return l.queue }

// Lost is closed when the listener was too slow: it misses events, and gets no more.
func (l *Listener) Lost() <-chan struct{} { return l.lost }

// Taken says that the event has left the channel: a change of its message from then on is an event again.
func (l *Listener) Taken(e Event) { l.hub.taken(l, e) }

// Close ends the listener.
func (l *Listener) Close() { l.hub.leave(l) }

// listen makes a listener, nil when there are too many.
func (h *hub) listen(pdus bool) *Listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) >= maxListeners {
		return nil
	}
	if h.all == nil {
		h.all = make(map[*Listener]struct{})
	}
	l := &Listener{
		hub: h, pdus: pdus, queue: make(chan Event, eventQueue), lost: make(chan struct{}), pending: make(map[*record]struct{}),
	}
	h.all[l] = struct{}{}
	h.count()
	return l
}

// leave ends a listener. It may have been dropped already.
func (h *hub) leave(l *Listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, l)
	h.count()
}

// count sets the numbers that are read without the lock. The caller holds mu.
func (h *hub) count() {
	pdus := 0
	for l := range h.all {
		if l.pdus {
			pdus++
		}
	}
	h.listeners.Store(int32(len(h.all)))
	h.forPDUs.Store(int32(pdus))
}

// wantsPDUs reports whether a stream shows PDUs.
func (h *hub) wantsPDUs() bool { return h.forPDUs.Load() > 0 }

// publish queues an event for whoever listens. value is called by each stream when it writes the event.
func (h *hub) publish(t Topic, value func() any) { h.enqueue(Event{Topic: t, Value: value}) }

func (h *hub) enqueue(e Event) {
	if h.listeners.Load() == 0 || e.Topic == TopicPDU && !h.wantsPDUs() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.all {
		if e.Topic == TopicPDU && !l.pdus {
			continue
		}
		if e.of != nil {
			if _, ok := l.pending[e.of]; ok {
				continue
			}
			l.pending[e.of] = struct{}{}
		}
		select {
		case l.queue <- e:
		default:
			close(l.lost)
			delete(h.all, l)
			h.count()
		}
	}
}

// taken is called with an event that has left the queue of a listener, before its value is: a change from
// then on is queued again.
func (h *hub) taken(l *Listener, e Event) {
	if e.of == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(l.pending, e.of)
}

// message tells of a message that is new or changed. It is in the store already.
func (h *hub) message(r *record) {
	h.enqueue(Event{TopicMessage, func() any { return r.snapshot(FindCode) }, r})
}

// receipt tells of a receipt that got on, by telling of its message. A message that is not in the store yet
// has nobody to be told of it.
func (h *hub) receipt(sub *submission, _ int) {
	if r := sub.record.Load(); r != nil {
		h.message(r)
	}
}

// changed tells that sessions, rules or all messages are to be asked for again.
func (h *hub) changed(t Topic) {
	h.publish(t, nothing)
}

func nothing() any { return struct{}{} }
