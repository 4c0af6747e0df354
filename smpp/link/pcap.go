package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
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
	good int64 // octets that are certain to be in the file
	torn bool  // writing failed: the same file goes on behind them
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
	if err := f.pcap.WritePacket(gopacket.CaptureInfo{Timestamp: p.at, CaptureLength: len(data), Length: len(data)}, data); err != nil {
		f.torn = true
		return err
	}
	return nil
}

// open begins a file, or goes on with one that could not be written.
func (f *pcapFile) open() error {
	if f.torn {
		return f.reopen()
	}
	if err := f.rotate(); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, pcapMode)
	if err != nil {
		return err
	}
	f.torn = true // until its header is there
	return f.begin(file, 0)
}

// reopen goes on behind what was written whole. To begin a new file each time would push out the older ones, for nothing.
func (f *pcapFile) reopen() error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY, pcapMode)
	if err != nil {
		return err
	}
	if err := file.Truncate(f.good); err != nil {
		file.Close()
		return err
	}
	return f.begin(file, f.good)
}

// begin writes to a file behind so many octets.
func (f *pcapFile) begin(file *os.File, at int64) error {
	if _, err := file.Seek(at, io.SeekStart); err != nil {
		file.Close()
		return err
	}
	f.file, f.buf, f.size, f.good = file, bufio.NewWriterSize(file, pcapBuffer), at, at
	f.pcap = pcapgo.NewWriterNanos(f.buf)
	if at > 0 {
		return nil
	}
	f.size = pcapHeader
	return f.pcap.WriteFileHeader(pcapSnap, layers.LinkTypeEthernet)
}

// rotate moves the older files on.
func (f *pcapFile) rotate() error {
	if _, err := os.Lstat(f.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
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
	return nil
}

// flush hands what is buffered to the system.
func (f *pcapFile) flush() error {
	if f.file == nil {
		return nil
	}
	if err := f.buf.Flush(); err != nil {
		f.torn = true
		return err
	}
	f.good, f.torn = f.size, false
	return nil
}

func (f *pcapFile) close() error {
	if f.file == nil {
		return nil
	}
	err := f.flush()
	if cerr := f.file.Close(); cerr != nil && err == nil {
		f.torn, err = true, cerr
	}
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
