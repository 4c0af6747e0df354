package link

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// DefaultTraceSize is how large a trace file grows, in octets.
const DefaultTraceSize = 64 << 20

const (
	traceQueue  = 4096    // PDUs that wait for the disk, and
	traceMemory = 4 << 20 // their octets; above, PDUs are left out and counted
	traceMSS    = 60_000  // octets of a PDU in one packet; IP has room for 65,495
	tracePause  = 10 * time.Second
)

// trace writes the PDUs of a link to a file that Wireshark reads. What they say is in redact.go, how they are written in
// pcap.go. A session never waits for it: when the disk is slow, PDUs are missing in the trace, and Wireshark says so, for
// the sequence numbers go on.
type trace struct {
	file  *pcapFile
	log   zerolog.Logger
	lost  func(uint64)
	queue chan packet
	held  atomic.Int64 // octets in queue
}

// packet is one PDU, or a begin or end of a connection, on its way to the file.
type packet struct {
	at       time.Time
	from, to net.TCPAddr
	flags    tcpFlags
	seq, ack uint32
	payload  []byte // redacted
}

type tcpFlags struct{ syn, ack, fin bool }

func newTrace(path string, size int64, log zerolog.Logger, lost func(uint64)) *trace {
	if size <= 0 {
		size = DefaultTraceSize
	}
	return &trace{file: &pcapFile{path: path, limit: size}, log: log, lost: lost, queue: make(chan packet, traceQueue)}
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
	defer t.file.close()
	var retry time.Time
	take := func(p packet) {
		t.held.Add(-int64(len(p.payload)))
		if time.Now().Before(retry) {
			t.lost(1)
			return
		}
		err := t.file.write(p)
		if err == nil && len(t.queue) == 0 {
			err = t.file.flush() // idle: whoever reads the file sees all
		}
		if err != nil {
			retry = time.Now().Add(tracePause)
			t.file.close()
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
func (t *trace) add(p packet) {
	n := int64(len(p.payload))
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

// flow is one connection in the trace: a TCP stream with the real addresses and made-up sequence numbers.
type flow struct {
	trace       *trace
	local, peer net.TCPAddr

	mu       sync.Mutex // guards the rest; the reader and the writer of a session come at once
	sent     uint32     // the next sequence number of ours,
	received uint32     // and of the peer's
}

// open begins a flow with a handshake, so that Wireshark knows who called whom.
func (t *trace) open(local, peer net.Addr) *flow {
	f := &flow{trace: t, local: tcpAddr(local), peer: tcpAddr(peer)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.emit(true, tcpFlags{syn: true}, nil)
	f.emit(false, tcpFlags{syn: true, ack: true}, nil)
	f.emit(true, tcpFlags{ack: true}, nil)
	return f
}

func tcpAddr(a net.Addr) net.TCPAddr {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP != nil {
		return *tcp
	}
	return net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
}

// pdu is session.Options.Trace.
func (f *flow) pdu(out bool, b []byte) {
	b = redact(b)
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(b) > 0 {
		n := min(len(b), traceMSS)
		f.emit(out, tcpFlags{ack: true}, b[:n])
		b = b[n:]
	}
}

// close ends the flow.
func (f *flow) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.emit(true, tcpFlags{fin: true, ack: true}, nil)
	f.emit(false, tcpFlags{fin: true, ack: true}, nil)
}

// emit queues a packet and moves the sequence numbers on, also when the packet is lost. The caller holds mu.
func (f *flow) emit(out bool, flags tcpFlags, payload []byte) {
	p := packet{at: time.Now(), from: f.local, to: f.peer, flags: flags, seq: f.sent, ack: f.received, payload: payload}
	next := &f.sent
	if !out {
		p.from, p.to, p.seq, p.ack = f.peer, f.local, f.received, f.sent
		next = &f.received
	}
	*next += uint32(len(payload))
	if flags.syn || flags.fin {
		*next++ // both take a number (RFC 9293, 3.4)
	}
	f.trace.add(p)
}
