package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// eventStream reads /api/v1/events.
type eventStream struct {
	t    *testing.T
	resp *http.Response
	next chan [2]string // topic and data; closed at the end
}

func listen(t *testing.T, srv *smsc.Server, query string) *eventStream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+srv.HTTPAddr()+"/api/v1/events"+query, nil)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("events: %d %s", resp.StatusCode, resp.Header)
	}
	s := &eventStream{t: t, resp: resp, next: make(chan [2]string, 10_000)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(s.next)
		var topic string
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if v, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				topic = v
			}
			if v, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				select {
				case s.next <- [2]string{topic, v}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended; resp.Body.Close() })
	return s
}

// until reads events until one is of the topic and holds the text.
func (s *eventStream) until(topic, text string) string {
	s.t.Helper()
	deadline := time.After(esmetest.Patience)
	for {
		select {
		case e, ok := <-s.next:
			if !ok {
				s.t.Fatalf("the stream ended before %s with %s", topic, text)
			}
			if e[0] == topic && strings.Contains(e[1], text) {
				return e[1]
			}
		case <-deadline:
			s.t.Fatalf("no %s with %s", topic, text)
		}
	}
}

func TestEvents(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0", ReceiptDelay: 20 * time.Millisecond})
	all, quiet := listen(t, srv, "?pdus=true"), listen(t, srv, "")
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "alice")
	all.until("sessions", "")
	e.Submit(esmetest.Message("491701234567", "code 4711\nline two"))
	var m smsc.Message
	if err := json.Unmarshal([]byte(quiet.until("message", "4711")), &m); err != nil || m.Code != "4711" || m.Text != "code 4711\nline two" {
		t.Errorf("got %+v, %v", m, err)
	}
	quiet.until("message", `"status":"answered"`)
	all.until("pdu", `"command":"submit_sm"`)
	all.until("pdu", `"command":"deliver_sm_resp"`)
	if _, err := srv.Rules().Add(smsc.Rule{Note: "x"}); err != nil {
		t.Fatal(err)
	}
	all.until("rules", "")
	if _, err := srv.InjectMO(esmetest.Patient(t), smsc.MO{From: "491701234567", To: "123", Text: "STOP"}); err != nil {
		t.Fatal(err)
	}
	all.until("message", `"direction":"mo"`)
	if err := srv.CloseSession(srv.Sessions()[0].ID); err != nil {
		t.Fatal(err)
	}
	all.until("sessions", "")
	srv.Clear()
	quiet.until("cleared", "")
	for len(quiet.next) > 0 {
		if ev := <-quiet.next; ev[0] == "pdu" {
			t.Fatal("a PDU came that nobody asked for")
		}
	}
}

// TestEventsAfterDelete: a receipt to a message that was deleted, or was the oldest too many, brings it back
// to nobody.
func TestEventsAfterDelete(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0", ReceiptDelay: 300 * time.Millisecond, Keep: 1})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "alice")
	s := listen(t, srv, "")
	e.Submit(esmetest.Message("491701234567", "too old 1111"))
	e.Submit(esmetest.Message("491701234567", "deleted 2222"))
	s.until("message", "2222")
	srv.Clear()
	s.until("cleared", "")
	e.Receipt()
	e.Receipt()
	e.Submit(esmetest.Message("491701234567", "last 3333"))
	for {
		var ev [2]string
		ok := false
		select {
		case ev, ok = <-s.next:
		case <-time.After(esmetest.Patience):
		}
		if !ok || strings.Contains(ev[1], "1111") || strings.Contains(ev[1], "2222") {
			t.Fatalf("got %v, %v", ev, ok)
		}
		if strings.Contains(ev[1], "3333") {
			return
		}
	}
}

// TestEventsSlowReader: a stream that does not read is told to reload and ends; others, and the SMPP side, do
// not wait.
func TestEventsSlowReader(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	conn, err := net.Dial("tcp", srv.HTTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /api/v1/events?pdus=true HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	first := make([]byte, 1)
	if _, err := conn.Read(first); err != nil { // it listens
		t.Fatal(err)
	}
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	began := time.Now()
	body := strings.Repeat("x", 150)
	for range 5000 { // far more than its queue and the socket's buffers hold
		e.Submit(esmetest.Message("491701234567", body))
	}
	if d := time.Since(began); d > 6*esmetest.Patience { // 5,000 of them, and a busy machine
		t.Errorf("submits took %s", d)
	}
	_ = conn.SetReadDeadline(time.Now().Add(2 * esmetest.Patience))
	in := bufio.NewReader(conn)
	last, n := "", 0
	for {
		n++
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ended with %v, and no hint to reload, after %d lines; submits took %s", err, n, time.Since(began))
		}
		if strings.HasPrefix(line, "event: ") {
			last = strings.TrimSpace(strings.TrimPrefix(line, "event: "))
		}
		if last == "reload" {
			return
		}
	}
}

func TestEventsBound(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	for range 64 {
		listen(t, srv, "")
	}
	if a := call(t, srv, "GET", "/api/v1/events"); a.status != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", a.status)
	}
}

// TestEventsEndWithServer: streams that are open do not keep Close.
func TestEventsEndWithServer(t *testing.T) {
	srv, err := smsc.Start(smsc.Config{HTTPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	s := listen(t, srv, "")
	began := time.Now()
	if err := srv.Close(esmetest.Patient(t)); err != nil {
		t.Error(err)
	}
	for range s.next {
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("Close took %s", d)
	}
}
