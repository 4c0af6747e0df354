package queue_test

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
)

// swallower is a server's way to a daemon, on which all that one consumer of the log delivers is lost, and
// nothing else: its heartbeats come.
type swallower struct {
	mu       sync.Mutex // guards the rest
	on       bool
	consumer string // the first whose message comes then
}

// begin loses what the present consumer delivers from now on.
func (s *swallower) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on, s.consumer = true, ""
}

// swallows is asked with the answer's subject of each message: of a delivery that names the consumer.
func (s *swallower) swallows(reply string) bool {
	of := strings.Split(reply, ".") // $JS.ACK.<stream>.<consumer>. ...
	if len(of) < 4 || of[1] != "ACK" || of[2] != "LOG" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on && s.consumer == "" {
		s.consumer = of[3]
	}
	return s.on && s.consumer == of[3]
}

func (s *swallower) back(near io.Writer, far io.Reader) {
	in := bufio.NewReader(far)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		f := strings.Fields(string(line)) // MSG subject sid [reply] size; HMSG has the size of the headers before
		if len(f) > 3 && (f[0] == "MSG" || f[0] == "HMSG") {
			size, _ := strconv.Atoi(f[len(f)-1])
			body := make([]byte, size+len("\r\n"))
			if _, err := io.ReadFull(in, body); err != nil {
				return
			}
			if s.swallows(f[3]) {
				continue
			}
			line = append(line, body...)
		}
		if _, err := near.Write(line); err != nil {
			return
		}
	}
}

// TestConsumerThatStandsStill: the server lives, answers, and sends heartbeats, and nothing that is stored comes
// to the daemon. It makes another consumer, and what waited for it is done.
func TestConsumerThatStandsStill(t *testing.T) {
	t.Parallel()
	s := new(swallower)
	way := newTapBack(t, strings.TrimPrefix(queuetest.External(t), "nats://"), s.back)
	q := queuetest.Open(t, queuetest.URL(way.url()))
	for range 3 { // on a machine that is busy a heartbeat may be late, and the consumer end by that
		s.begin()
		_, err := q.Records().Put(within(t, 25*time.Second), "k", []byte("v"), time.Hour)
		must(t, err)
		if q.ReadersEnded()["stood_still"] > 0 {
			return
		}
	}
	t.Errorf("the readers ended by %v", q.ReadersEnded())
}
