package server

import (
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/otpgw/otpgw/smpp/internal/capture"
)

// Capture writes the PDUs kept as a capture file, which Wireshark and tshark read as SMPP; a hidden password
// is hidden here too. Where PDUs are missing because they were too old there is no gap.
func (s *Server) Capture(w io.Writer, f PDUFilter) error {
	out, err := capture.NewWriter(w)
	if err != nil {
		return fmt.Errorf("smsc: pcap: %w", err)
	}
	flows := make(map[string]*capture.Flow)
	for _, p := range s.PDUs(f) {
		if flows[p.Session] == nil {
			if flows[p.Session], err = flowOf(s.ln.Addr(), p); err != nil {
				return err
			}
		}
		for _, packet := range flows[p.Session].PDU(p.Time, p.Out, p.Raw) {
			if err := out.Write(packet); err != nil {
				return fmt.Errorf("smsc: pcap: %w", err)
			}
		}
	}
	return nil
}

// flowOf is the connection that a PDU went over.
func flowOf(local net.Addr, p PDU) (*capture.Flow, error) {
	client, err := netip.ParseAddrPort(p.Remote)
	if err != nil {
		return nil, fmt.Errorf("smsc: pcap: the address %q of session %s cannot be read", p.Remote, p.Session)
	}
	server := capture.AddrPort(local)
	addr := server.Addr().Unmap()
	if is4 := client.Addr().Unmap().Is4(); addr.IsUnspecified() || addr.Is4() != is4 { // a listener on all addresses: which one it was is not known
		addr = netip.IPv6Loopback()
		if is4 {
			addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
	}
	return capture.NewFlow(netip.AddrPortFrom(addr, server.Port()), client), nil
}
