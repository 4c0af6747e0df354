package link

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/smpp/internal/capture"
)

// DefaultTraceSize is how large a trace file grows, in octets.
const DefaultTraceSize = 64 << 20

const (
	traceQueue  = 4096    // PDUs that wait for the disk, and
	traceMemory = 4 << 20 // their octets; above, PDUs are left out and counted
	tracePause  = 10 * time.Second
)

// trace writes the PDUs of a link to a file that Wireshark reads. What of them is shown is in redact.go, how
// they are written in package capture. A session never waits for it: when the disk is slow, PDUs are missing
// in the trace, and Wireshark says so, for the sequence numbers go on.
type trace struct {
	file  *capture.File
	log   zerolog.Logger
	lost  func(uint64)
	queue chan capture.Packet
	held  atomic.Int64 // octets in queue
}

func newTrace(path string, size int64, log zerolog.Logger, lost func(uint64)) *trace {
	if size <= 0 {
		size = DefaultTraceSize
	}
	return &trace{file: &capture.File{Path: path, Limit: size}, log: log, lost: lost, queue: make(chan capture.Packet, traceQueue)}
}

// start begins to write; the returned function writes what is queued and ends it.
func (t *trace) start() (stop func()) {
	ending, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t.write(ending)
	}()
	return func() { close(ending); <-ended }
}

func (t *trace) write(ending <-chan struct{}) {
	defer t.file.Close()
	var retry time.Time
	take := func(p capture.Packet) {
		t.held.Add(-int64(len(p.Payload())))
		if time.Now().Before(retry) {
			t.lost(1)
			return
		}
		err := t.file.Write(p)
		if err == nil && len(t.queue) == 0 {
			err = t.file.Flush() // idle: whoever reads the file sees all
		}
		if err != nil {
			retry = time.Now().Add(tracePause)
			t.file.Close()
			t.lost(1)
			t.log.Error().Err(err).Dur("retry_in", tracePause).Msg("the PDU trace cannot be written")
		}
	}
	for {
		select {
		case p := <-t.queue:
			take(p)
			continue
		case <-ending:
		}
		for {
			select {
			case p := <-t.queue:
				take(p)
				continue
			default:
			}
			return
		}
	}
}

// add queues a packet unless too much waits.
func (t *trace) add(p capture.Packet) {
	n := int64(len(p.Payload()))
	if t.held.Add(n) > traceMemory {
		t.held.Add(-n)
		t.lost(1)
		return
	}
	select {
	case t.queue <- p:
	default:
		t.held.Add(-n)
		t.lost(1)
	}
}

// flow is one connection in the trace. The numbers of its packets go on also when one is lost.
type flow struct {
	trace *trace
	mu    sync.Mutex // guards tcp; the reader and the writer of a session come at once
	tcp   *capture.Flow
}

// open begins a flow with a handshake, so that Wireshark knows who called whom.
func (t *trace) open(local, peer net.Addr) *flow {
	f := &flow{trace: t, tcp: capture.NewFlow(capture.AddrPort(local), capture.AddrPort(peer))}
	f.add(f.tcp.Open)
	return f
}

// pdu is session.Options.Trace.
func (f *flow) pdu(out bool, b []byte) {
	b = redact(b)
	f.add(func(at time.Time) []capture.Packet { return f.tcp.PDU(at, out, b) })
}

// close ends the flow.
func (f *flow) close() { f.add(f.tcp.Close) }

func (f *flow) add(next func(at time.Time) []capture.Packet) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range next(time.Now()) {
		f.trace.add(p)
	}
}
