package link_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

const traceSecret = "Your SECRET code is 123456"

// traced sends messages over a link with a trace and returns the file.
func traced(t *testing.T, size int64, messages int, text string) (file string, r *rig) {
	t.Helper()
	r = newRig(t, smsc.Config{})
	file = filepath.Join(t.TempDir(), "carrier.pcap")
	_, stop := r.start(r.config(func(c *link.Config) { c.Trace, c.TraceSize = file, size }))
	for range messages {
		r.put("+46700000001", text)
	}
	for range messages {
		next(t, r.sink.incoming)
	}
	r.drained()
	stop()
	return file, r
}

// stream puts the octets of one direction together and checks what Wireshark would: lengths, checksums,
// sequence numbers.
type stream struct {
	next  uint32
	known bool
	data  []byte
}

func readTrace(t *testing.T, file string) map[layers.TCPPort]*stream {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	streams := make(map[layers.TCPPort]*stream)
	var last time.Time
	for {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return streams
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.Timestamp.Before(last) || time.Since(info.Timestamp) > time.Minute {
			t.Errorf("a packet of %s behind one of %s", info.Timestamp, last)
		}
		last = info.Timestamp
		p := gopacket.NewPacket(data, r.LinkType(), gopacket.Default)
		if p.ErrorLayer() != nil || p.TransportLayer() == nil {
			t.Fatalf("packet cannot be read: %v", p)
		}
		tcp := p.TransportLayer().(*layers.TCP)
		if err := tcp.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
			t.Fatal(err)
		}
		if err, bad := p.VerifyChecksums(); err != nil || len(bad) > 0 {
			t.Fatalf("checksums: %v %v", err, bad)
		}
		s := streams[tcp.SrcPort]
		if s == nil {
			s = new(stream)
			streams[tcp.SrcPort] = s
		}
		if s.known && tcp.Seq != s.next {
			t.Errorf("sequence number %d, want %d", tcp.Seq, s.next)
		}
		s.known, s.next = true, tcp.Seq+uint32(len(tcp.Payload))
		if tcp.SYN || tcp.FIN {
			s.next++
		}
		s.data = append(s.data, tcp.Payload...)
	}
}

func (s *stream) commands(t *testing.T) map[wire.Command]int {
	t.Helper()
	count := make(map[wire.Command]int)
	for r := bytes.NewReader(s.data); ; {
		f, err := wire.ReadFrame(r)
		if errors.Is(err, io.EOF) {
			return count
		}
		if err != nil {
			t.Fatal(err)
		}
		count[f.Command]++
	}
}

func portOf(t *testing.T, addr string) layers.TCPPort {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return layers.TCPPort(a.Port)
}

// TestTraceIsWhole: every PDU of the link is there, both ways, in packets whose numbers are right, and no
// text.
func TestTraceIsWhole(t *testing.T) {
	t.Parallel()
	const messages = 20
	file, r := traced(t, 0, messages, traceSecret)
	streams := readTrace(t, file)
	if len(streams) != 2 {
		t.Fatalf("%d directions", len(streams))
	}
	for port, s := range streams {
		got := s.commands(t)
		want := map[wire.Command]int{wire.BindTransceiver: 1, wire.SubmitSM: messages, wire.DeliverSMResp: messages, wire.Unbind: 1}
		if port == portOf(t, r.smsc.Addr()) {
			want = map[wire.Command]int{wire.BindTransceiverResp: 1, wire.SubmitSMResp: messages, wire.DeliverSM: messages, wire.UnbindResp: 1}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("port %d: %v, want %v", port, got, want)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"SECRET", "123456", "secret"} { // the last is the rig's password
		if bytes.Contains(raw, []byte(hidden)) {
			t.Errorf("the trace shows %q", hidden)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestTraceInWireshark: tshark finds SMPP, and nothing to complain about.
func TestTraceInWireshark(t *testing.T) {
	t.Parallel()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not here: apt-get install tshark")
	}
	file, r := traced(t, 0, 5, strings.Repeat("x", 300)) // two parts each
	out, err := exec.Command(tshark, "-r", file, "-d", fmt.Sprintf("tcp.port==%d,smpp", portOf(t, r.smsc.Addr())),
		"-o", "tcp.check_checksum:TRUE", "-T", "fields", "-e", "_ws.col.Protocol", "-e", "smpp.command_id", "-e", "_ws.expert.message").Output()
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	for command, want := range map[string]int{"0x00000009": 1, "0x80000009": 1, "0x00000004": 10, "0x80000004": 10, "0x00000005": 10, "0x00000006": 1} {
		if got := strings.Count(text, command); got != want {
			t.Errorf("tshark sees %d PDUs of command %s, want %d", got, command, want)
		}
	}
	for _, bad := range []string{"Malformed", "alformed", "not captured", "checksum", "unseen", "etransmission"} {
		if strings.Contains(text, bad) {
			t.Errorf("tshark complains:\n%s", text)
		}
	}
}

// TestTraceRotates: no file is larger than it may be, and the oldest go.
func TestTraceRotates(t *testing.T) {
	t.Parallel()
	const size = 2000
	file, _ := traced(t, size, 60, traceSecret)
	files, err := filepath.Glob(file + "*")
	if err != nil || len(files) != 6 {
		t.Fatalf("files %v, %v; want the one being written and five older", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil || info.Size() > size {
			t.Errorf("%s: %d octets, %v", f, info.Size(), err)
		}
		readTrace(t, f)
	}
}

// TestTraceThatCannotBeWritten: the link works on, and says how much is missing.
func TestTraceThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	registry := prometheus.NewRegistry()
	r.metrics = link.NewMetrics(registry)
	file := filepath.Join(t.TempDir(), "gone", "carrier.pcap")
	_, stop := r.start(r.config(func(c *link.Config) { c.Trace = file }))
	r.put("+46700000001", "code")
	next(t, r.sink.accepted)
	next(t, r.sink.incoming)
	r.drained()
	stop()
	// A handshake of three, a bind, a submit_sm and a deliver_sm with their answers, an unbind.
	if n := gauge(t, registry, "otpgw_smpp_untraced_pdus_total"); n < 9 {
		t.Errorf("%v packets counted as missing", n)
	}
}
