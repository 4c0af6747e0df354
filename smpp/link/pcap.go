package link

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

const (
	pcapKeep   = 5       // older files, name.1 the newest
	pcapHeader = 24      // octets of the file's header
	pcapRecord = 16      // and of each packet's
	pcapSnap   = 1 << 18 // more than any packet has
	pcapBuffer = 64 << 10
	pcapMode   = 0o600 // it holds telephone numbers
	tcpWindow  = 65535
	hopLimit   = 64
)

// pcapFile writes packets to a file, and begins the next one when it is full: path is the one being written, path.1 the
// one before. A file that is there at the start counts as full: it is of an earlier run.
type pcapFile struct {
	path  string
	limit int64 // octets in one file

	file *os.File
	buf  *bufio.Writer
	pcap *pcapgo.Writer
	size int64
}

// write appends a packet.
func (f *pcapFile) write(p packet) error {
	data, err := encodePacket(p)
	if err != nil {
		return err
	}
	if f.file != nil && f.size+pcapRecord+int64(len(data)) > f.limit {
		if err := errors.Join(f.flush(), f.close()); err != nil {
			return err
		}
	}
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	f.size += pcapRecord + int64(len(data))
	return f.pcap.WritePacket(gopacket.CaptureInfo{Timestamp: p.at, CaptureLength: len(data), Length: len(data)}, data)
}

// open moves the older files on and begins a new one.
func (f *pcapFile) open() error {
	name := func(n int) string {
		if n == 0 {
			return f.path
		}
		return fmt.Sprint(f.path, ".", n)
	}
	for n := pcapKeep - 1; n >= 0; n-- {
		if err := os.Rename(name(n), name(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, pcapMode)
	if err != nil {
		return err
	}
	f.file, f.buf, f.size = file, bufio.NewWriterSize(file, pcapBuffer), pcapHeader
	f.pcap = pcapgo.NewWriterNanos(f.buf)
	return f.pcap.WriteFileHeader(pcapSnap, layers.LinkTypeEthernet)
}

// flush hands what is buffered to the system.
func (f *pcapFile) flush() error {
	if f.file == nil {
		return nil
	}
	return f.buf.Flush()
}

func (f *pcapFile) close() error {
	if f.file == nil {
		return nil
	}
	err := errors.Join(f.buf.Flush(), f.file.Close())
	f.file = nil
	return err
}

// encodePacket makes an Ethernet frame. Its hardware addresses are zero: nobody saw any.
func encodePacket(p packet) ([]byte, error) {
	eth := &layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeIPv4}
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(p.from.Port), DstPort: layers.TCPPort(p.to.Port), Seq: p.seq, Ack: p.ack, Window: tcpWindow,
		SYN: p.flags.syn, ACK: p.flags.ack, FIN: p.flags.fin, PSH: len(p.payload) > 0,
	}
	var ip interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	} = &layers.IPv4{Version: 4, TTL: hopLimit, Protocol: layers.IPProtocolTCP, SrcIP: p.from.IP.To4(), DstIP: p.to.IP.To4()}
	if p.from.IP.To4() == nil || p.to.IP.To4() == nil {
		eth.EthernetType = layers.EthernetTypeIPv6
		ip = &layers.IPv6{Version: 6, HopLimit: hopLimit, NextHeader: layers.IPProtocolTCP, SrcIP: p.from.IP.To16(), DstIP: p.to.IP.To16()}
	}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	b := gopacket.NewSerializeBuffer()
	o := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(b, o, eth, ip, tcp, gopacket.Payload(p.payload)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
