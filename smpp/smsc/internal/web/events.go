package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/internal/server"
)

const (
	// eventPing is the silence after which a comment keeps a stream open, eventWrite how long one write may
	// take.
	eventPing  = 15 * time.Second
	eventWrite = 10 * time.Second
)

// getEvents is the stream of events (server-sent events, WHATWG HTML 9.2). With ?pdus=true it has the PDUs
// too.
func (a *api) getEvents(w http.ResponseWriter, r *http.Request) {
	pdus := r.URL.Query().Get("pdus")
	if pdus != "" && pdus != "true" && pdus != "false" {
		writeError(w, http.StatusBadRequest, "invalid_param", "pdus is neither true nor false")
		return
	}
	l, err := a.sim.Listen(pdus == "true")
	if err != nil {
		writeError(w, http.StatusServiceUnavailable, "server_error", "too many event streams are open already")
		return
	}
	defer l.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // proxies keep nothing back
	st := stream{out: w, ctl: http.NewResponseController(w)}
	st.write("retry: 1000\n: the stream is open\n\n")
	st.run(r.Context(), l)
}

// stream writes events to a peer.
type stream struct {
	out http.ResponseWriter
	ctl *http.ResponseController
	err error // of a write: the peer has gone, and nothing more is written
}

// run writes events until the peer goes, the server ends (which ends ctx too), or the stream was too slow.
func (t *stream) run(ctx context.Context, l *server.Listener) {
	ping := time.NewTicker(eventPing)
	defer ping.Stop()
	for t.err == nil {
		if len(l.Events()) == 0 {
			t.flush()
		}
		select { // what was lost is told before what is still queued: all of it is asked for again anyway
		case <-l.Lost():
			t.event(server.Event{Topic: server.TopicReload, Value: func() any { return struct{}{} }})
			t.flush()
			return
		default:
		}
		select {
		case e := <-l.Events():
			l.Taken(e)
			t.event(e)
		case <-ping.C:
			t.write(":\n\n")
		case <-l.Lost():
		case <-ctx.Done():
			return
		}
	}
}

// event writes one event. JSON is one line, so it needs no more framing.
func (t *stream) event(e server.Event) {
	b, err := json.Marshal(e.Value())
	if err != nil {
		t.err = err
		return
	}
	t.write(fmt.Sprintf("event: %s\ndata: %s\n\n", e.Topic, b))
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
