package link

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/smpp/internal/capture"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestTraceNeverBlocks: with nobody at the disk, PDUs are dropped and counted, and no more memory is held
// than allowed.
func TestTraceNeverBlocks(t *testing.T) {
	for _, c := range []struct {
		name       string
		pdus, size int
	}{{"many small", 20_000, 100}, {"few large", 150, 60_000}} {
		t.Run(c.name, func(t *testing.T) {
			var lost atomic.Uint64
			tr := newTrace(filepath.Join(t.TempDir(), "x.pcap"), 0, zerolog.Nop(), func(n uint64) { lost.Add(n) })
			f := tr.open(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2})
			pdu := wire.Frame{Header: wire.Header{Command: wire.SubmitSM}, Body: make([]byte, c.size)}.Bytes()
			began := time.Now()
			for range c.pdus {
				f.pdu(true, pdu)
			}
			if d := time.Since(began); d > time.Minute { // who is blocked is so for ever
				t.Errorf("took %s", d)
			}
			held, queued := tr.held.Load(), len(tr.queue)
			if held > traceMemory || queued > traceQueue || lost.Load() == 0 {
				t.Errorf("%d octets in %d packets held, %d lost", held, queued, lost.Load())
			}
			if got, want := sequenceOf(t, f.tcp.Close(time.Now())[0]), uint32(1+c.pdus*len(pdu)); got != want {
				t.Errorf("the next sequence number is %d, want %d: what is missing has its numbers too", got, want)
			}
			tr.start()()
			if tr.held.Load() != 0 || len(tr.queue) != 0 {
				t.Errorf("%d octets left", tr.held.Load())
			}
		})
	}
}

// TestTraceOfLargePDUs: over IPv6 too, a PDU larger than a packet is several.
func TestTraceOfLargePDUs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pcap")
	tr := newTrace(path, 0, zerolog.Nop(), func(uint64) { t.Error("lost") })
	stop := tr.start()
	f := tr.open(&net.TCPAddr{IP: net.IPv6loopback, Port: 1}, &net.TCPAddr{IP: net.IPv6loopback, Port: 2})
	m := wire.Message{TLVs: wire.TLVs{{Tag: wire.TagMessagePayload, Value: bytes.Repeat([]byte("x"), 65_000)}}}
	b, err := m.Encode(wire.Header{Command: wire.SubmitSM, Sequence: 1})
	if err != nil {
		t.Fatal(err)
	}
	f.pdu(true, b)
	f.close()
	stop()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := pcapgo.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			break
		}
		p := gopacket.NewPacket(data, r.LinkType(), gopacket.Default)
		if p.Layer(layers.LayerTypeIPv6) == nil {
			t.Fatalf("no IPv6: %v", p)
		}
		got = append(got, p.TransportLayer().LayerPayload()...)
	}
	if !bytes.Equal(got, redact(b)) {
		t.Errorf("%d octets of %d came back", len(got), len(b))
	}
}

// sequenceOf is the TCP sequence number of a packet.
func sequenceOf(t *testing.T, p capture.Packet) uint32 {
	t.Helper()
	var file bytes.Buffer
	w, err := capture.NewWriter(&file)
	if err == nil {
		err = w.Write(p)
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	data, _, err := r.ReadPacketData()
	if err != nil {
		t.Fatal(err)
	}
	return gopacket.NewPacket(data, r.LinkType(), gopacket.Default).TransportLayer().(*layers.TCP).Seq
}
