// Package capture writes PDUs as a capture of the TCP connections they went over, which Wireshark and tshark
// read as SMPP; also where the connection itself was TLS and could not be captured.
//
//	PDU -> Flow -> Packet -> Writer -> any io.Writer
//	                      -> File: a file that is followed by the next one when it is full
//
// Addresses and times are the real ones. TCP's sequence numbers are counted here, and there are no hardware
// addresses: nobody saw any. What a PDU must not show, whoever gives it hides before.
package capture

import (
	"net"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

const (
	maxSegment = 60_000 // octets of a PDU in one packet; IP has room for 65,495
	tcpWindow  = 65_535
	hopLimit   = 64
)

// Flow is one connection: what the next packet each way is numbered. It is not safe for use by several
// goroutines.
type Flow struct {
	local, peer netip.AddrPort
	sent        uint32 // the next sequence number of ours,
	received    uint32 // and of the peer's
}

// NewFlow begins a flow between two addresses; without a handshake, as it may have been long ago.
func NewFlow(local, peer netip.AddrPort) *Flow {
	plain := func(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
	return &Flow{local: plain(local), peer: plain(peer)}
}

// AddrPort is the address of a connection's end; 127.0.0.1 for one that is no TCP's.
func AddrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP != nil {
		return tcp.AddrPort()
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
}

// Open is the handshake, which tells Wireshark that we called the peer.
func (f *Flow) Open(at time.Time) []Packet {
	return []Packet{
		f.packet(at, true, flags{syn: true}, nil), f.packet(at, false, flags{syn: true, ack: true}, nil),
		f.packet(at, true, flags{ack: true}, nil),
	}
}

// PDU is a PDU from us, or from the peer, in as many packets as it takes. It keeps b.
func (f *Flow) PDU(at time.Time, out bool, b []byte) (list []Packet) {
	for len(b) > 0 {
		n := min(len(b), maxSegment)
		list = append(list, f.packet(at, out, flags{ack: true}, b[:n]))
		b = b[n:]
	}
	return list
}

// Close ends the flow from both sides.
func (f *Flow) Close(at time.Time) []Packet {
	return []Packet{f.packet(at, true, flags{fin: true, ack: true}, nil), f.packet(at, false, flags{fin: true, ack: true}, nil)}
}

// packet makes the next one of a side.
func (f *Flow) packet(at time.Time, out bool, fl flags, payload []byte) Packet {
	p := Packet{at: at, from: f.local, to: f.peer, flags: fl, seq: f.sent, ack: f.received, payload: payload}
	next := &f.sent
	if !out {
		p.from, p.to, p.seq, p.ack = f.peer, f.local, f.received, f.sent
		next = &f.received
	}
	*next += uint32(len(payload))
	if fl.syn || fl.fin {
		*next++ // both take a number (RFC 9293, 3.4)
	}
	return p
}

// Packet is a part of a PDU, or the begin or end of a connection.
type Packet struct {
	at       time.Time
	from, to netip.AddrPort
	flags    flags
	seq, ack uint32
	payload  []byte
}

type flags struct{ syn, ack, fin bool }

// Payload is the octets of the PDU.
func (p *Packet) Payload() []byte { return p.payload }

// encode makes an IP packet.
func (p *Packet) encode() ([]byte, error) {
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(p.from.Port()), DstPort: layers.TCPPort(p.to.Port()), Seq: p.seq, Ack: p.ack, Window: tcpWindow,
		SYN: p.flags.syn, ACK: p.flags.ack, FIN: p.flags.fin, PSH: len(p.payload) > 0,
	}
	from, to := p.from.Addr(), p.to.Addr()
	var ip interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	} = &layers.IPv4{Version: 4, TTL: hopLimit, Protocol: layers.IPProtocolTCP, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
	if !from.Is4() || !to.Is4() {
		wide := func(a netip.Addr) net.IP { b := a.As16(); return b[:] }
		ip = &layers.IPv6{Version: 6, HopLimit: hopLimit, NextHeader: layers.IPProtocolTCP, SrcIP: wide(from), DstIP: wide(to)}
	}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	b := gopacket.NewSerializeBuffer()
	o := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(b, o, ip, tcp, gopacket.Payload(p.payload)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
