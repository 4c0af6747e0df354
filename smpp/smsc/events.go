package smsc

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxListeners bounds the event streams at once, eventQueue what waits for one of them.
	maxListeners = 64
	eventQueue   = 1024
	// eventPing is the silence after which a comment keeps a stream open, eventWrite how long one write may take.
	eventPing  = 15 * time.Second
	eventWrite = 10 * time.Second
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

// hub hands events to the streams that listen. Its zero value is ready, and costs one atomic load per event while nobody
// listens. It never waits: a stream whose queue is full is told to reload and ends.
type hub struct {
	listeners atomic.Int32 // spares the lock and the encoding when there is none
	forPDUs   atomic.Int32 // those that want PDUs

	mu  sync.Mutex // guards all, and what each has pending
	all map[*listener]struct{}
}

// listener is one stream.
type listener struct {
	pdus  bool
	queue chan event
	lost  chan struct{} // closed when the queue was full
	// pending are the messages in queue. One that changes again is not queued again: it is shown as it is when its turn
	// comes.
	pending map[*record]struct{}
}

// event is made into JSON by the stream that writes it, not by the SMPP side.
type event struct {
	topic Topic
	value func() any
	of    *record // for TopicMessage
}

// listen makes a listener, nil when there are too many.
func (h *hub) listen(pdus bool) *listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) >= maxListeners {
		return nil
	}
	if h.all == nil {
		h.all = make(map[*listener]struct{})
	}
	l := &listener{pdus: pdus, queue: make(chan event, eventQueue), lost: make(chan struct{}), pending: make(map[*record]struct{})}
	h.all[l] = struct{}{}
	h.count()
	return l
}

// leave ends a listener. It may have been dropped already.
func (h *hub) leave(l *listener) {
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
func (h *hub) publish(t Topic, value func() any) { h.enqueue(event{topic: t, value: value}) }

func (h *hub) enqueue(e event) {
	if h.listeners.Load() == 0 || e.topic == TopicPDU && !h.wantsPDUs() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.all {
		if e.topic == TopicPDU && !l.pdus {
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

// taken is called with an event that has left the queue of a listener, before its value is: a change from then on is
// queued again.
func (h *hub) taken(l *listener, e event) {
	if e.of == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(l.pending, e.of)
}

// message tells of a message that is new or changed. It is in the store already.
func (h *hub) message(r *record) {
	h.enqueue(event{TopicMessage, func() any { return r.snapshot(FindCode) }, r})
}

// receipt tells of a receipt that got on, by telling of its message. A message that is not in the store yet has nobody
// to be told of it.
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

// getEvents is the stream of events (server-sent events, WHATWG HTML 9.2). With ?pdus=true it has the PDUs too.
func (s *Server) getEvents(w http.ResponseWriter, r *http.Request) {
	pdus := r.URL.Query().Get("pdus")
	if pdus != "" && pdus != "true" && pdus != "false" {
		writeError(w, http.StatusBadRequest, "invalid_param", "pdus is neither true nor false")
		return
	}
	l := s.events.listen(pdus == "true")
	if l == nil {
		writeError(w, http.StatusServiceUnavailable, "server_error", "too many event streams are open already")
		return
	}
	defer s.events.leave(l)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // proxies keep nothing back
	st := stream{hub: &s.events, out: w, ctl: http.NewResponseController(w)}
	st.write("retry: 1000\n: the stream is open\n\n")
	st.run(r.Context(), s.ctx.Done(), l)
}

// stream writes events to a peer.
type stream struct {
	hub *hub
	out http.ResponseWriter
	ctl *http.ResponseController
	err error // of a write: the peer has gone, and nothing more is written
}

// run writes events until the peer goes, the server ends, or the stream was too slow.
func (t *stream) run(ctx context.Context, closed <-chan struct{}, l *listener) {
	ping := time.NewTicker(eventPing)
	defer ping.Stop()
	for t.err == nil {
		if len(l.queue) == 0 {
			t.flush()
		}
		select { // what was lost is told before what is still queued: all of it is asked for again anyway
		case <-l.lost:
			t.event(event{topic: TopicReload, value: nothing})
			t.flush()
			return
		default:
		}
		select {
		case e := <-l.queue:
			t.hub.taken(l, e)
			t.event(e)
		case <-ping.C:
			t.write(":\n\n")
		case <-l.lost:
		case <-ctx.Done():
			return
		case <-closed:
			return
		}
	}
}

// event writes one event. JSON is one line, so it needs no more framing.
func (t *stream) event(e event) {
	b, err := json.Marshal(e.value())
	if err != nil {
		t.err = err
		return
	}
	t.write(fmt.Sprintf("event: %s\ndata: %s\n\n", e.topic, b))
}

func (t *stream) write(text string) {
	if t.err != nil {
		return
	}
	_ = t.ctl.SetWriteDeadline(time.Now().Add(eventWrite)) // a writer without one has the server's own
	_, t.err = t.out.Write([]byte(text))
}

func (t *stream) flush() {
	if t.err == nil {
		t.err = t.ctl.Flush()
	}
}
