package server

import (
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

const (
	snapLength = 262_144
	// maxSegment is how much of a PDU goes in one packet; an IP packet holds at most 65,535 octets.
	maxSegment = 60_000
)

// Capture writes the PDUs kept as a capture file; see writePcap.
func (s *Server) Capture(w io.Writer, f PDUFilter) error { return writePcap(w, s.ln.Addr(), s.PDUs(f)) }

// writePcap writes PDUs as a capture of the TCP connections they went over, which Wireshark and tshark read as SMPP.
// Addresses and times are the real ones; TCP's sequence numbers are counted from the first PDU of each connection here,
// and a hidden password is hidden here too. Where PDUs are missing because they were too old there is no gap.
func writePcap(w io.Writer, local net.Addr, pdus []PDU) error {
	out := pcapgo.NewWriter(w)
	if err := out.WriteFileHeader(snapLength, layers.LinkTypeRaw); err != nil {
		return fmt.Errorf("smsc: pcap: %w", err)
	}
	flows := make(map[string]*flow)
	for _, p := range pdus {
		f := flows[p.Session]
		if f == nil {
			var err error
			if f, err = newFlow(local, p); err != nil {
				return err
			}
			flows[p.Session] = f
		}
		for rest := p.Raw; len(rest) > 0; {
			n := min(len(rest), maxSegment)
			b, err := f.packet(p.Out, rest[:n])
			if err != nil {
				return err
			}
			info := gopacket.CaptureInfo{Timestamp: p.Time, CaptureLength: len(b), Length: len(b)}
			if err := out.WritePacket(info, b); err != nil {
				return fmt.Errorf("smsc: pcap: %w", err)
			}
			rest = rest[n:]
		}
	}
	return nil
}

// flow is one TCP connection of a capture.
type flow struct {
	client, server netip.AddrPort
	sent, received uint32 // the next sequence number of the server, and of the client
	id             uint16 // of the IP packet
}

func newFlow(local net.Addr, p PDU) (*flow, error) {
	client, err := netip.ParseAddrPort(p.Remote)
	if err != nil {
		return nil, fmt.Errorf("smsc: pcap: the address %q of session %s cannot be read", p.Remote, p.Session)
	}
	server, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return nil, fmt.Errorf("smsc: pcap: the listener's address %q cannot be read", local)
	}
	client = netip.AddrPortFrom(client.Addr().Unmap(), client.Port())
	addr := server.Addr().Unmap()
	if addr.IsUnspecified() || addr.Is4() != client.Addr().Is4() { // a listener on all addresses: which one it was is not known
		addr = netip.IPv6Loopback()
		if client.Addr().Is4() {
			addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
	}
	return &flow{client: client, server: netip.AddrPortFrom(addr, server.Port()), sent: 1, received: 1}, nil
}

// packet is an IP packet with that part of the stream.
func (f *flow) packet(out bool, payload []byte) ([]byte, error) {
	src, dst, seq, ack := f.client, f.server, f.received, f.sent
	if out {
		src, dst, seq, ack = f.server, f.client, f.sent, f.received
		f.sent += uint32(len(payload))
	} else {
		f.received += uint32(len(payload))
	}
	f.id++
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()),
		Seq: seq, Ack: ack, ACK: true, PSH: true, Window: 65_535,
	}
	var ip interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	}
	if src.Addr().Is4() {
		ip = &layers.IPv4{
			Version: 4, Id: f.id, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice(),
		}
	} else {
		ip = &layers.IPv6{
			Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice(),
		}
	}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, fmt.Errorf("smsc: pcap: %w", err)
	}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, ip, tcp, gopacket.Payload(payload)); err != nil {
		return nil, fmt.Errorf("smsc: pcap: %w", err)
	}
	return buf.Bytes(), nil
}
