package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

const (
	keepFiles  = 5       // older files, name.1 the newest
	headerSize = 24      // octets of the file's header
	recordSize = 16      // and of each packet's
	snapLength = 1 << 18 // more than any packet has
	bufferSize = 64 << 10
	fileMode   = 0o600 // it holds telephone numbers
)

// Writer writes packets to wherever a capture goes.
type Writer struct{ pcap *pcapgo.Writer }

// NewWriter begins a capture.
func NewWriter(w io.Writer) (*Writer, error) {
	out := &Writer{pcapgo.NewWriterNanos(w)}
	return out, out.pcap.WriteFileHeader(snapLength, layers.LinkTypeRaw)
}

// Write appends a packet.
func (w *Writer) Write(p Packet) error {
	data, err := p.encode()
	if err != nil {
		return err
	}
	return w.record(p.at, data)
}

func (w *Writer) record(at time.Time, data []byte) error {
	return w.pcap.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(data), Length: len(data)}, data)
}

// File writes packets to a file, and begins the next one when it is full: Path is the one being written,
// Path.1 the one before. A file that is there at the start counts as full: it is of an earlier run.
type File struct {
	Path  string
	Limit int64 // octets in one file

	file *os.File
	buf  *bufio.Writer
	pcap *Writer
	size int64
	good int64 // octets that are certain to be in the file
	torn bool  // writing failed: the same file goes on behind them
}

// Write appends a packet.
func (f *File) Write(p Packet) error {
	data, err := p.encode()
	if err != nil {
		return err
	}
	if f.file != nil && f.size+recordSize+int64(len(data)) > f.Limit {
		if err := errors.Join(f.Flush(), f.Close()); err != nil {
			return err
		}
	}
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	f.size += recordSize + int64(len(data))
	if err := f.pcap.record(p.at, data); err != nil {
		f.torn = true
		return err
	}
	return nil
}

// open begins a file, or goes on with one that could not be written.
func (f *File) open() error {
	if f.torn {
		return f.reopen()
	}
	if err := f.rotate(); err != nil {
		return err
	}
	file, err := os.OpenFile(f.Path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	f.torn = true // until its header is there
	return f.begin(file, 0)
}

// reopen goes on behind what was written whole. To begin a new file each time would push out the older ones,
// for nothing.
func (f *File) reopen() error {
	file, err := os.OpenFile(f.Path, os.O_CREATE|os.O_WRONLY, fileMode)
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
func (f *File) begin(file *os.File, at int64) (err error) {
	if _, err := file.Seek(at, io.SeekStart); err != nil {
		file.Close()
		return err
	}
	f.file, f.buf, f.size, f.good = file, bufio.NewWriterSize(file, bufferSize), at, at
	if at > 0 {
		f.pcap = &Writer{pcapgo.NewWriterNanos(f.buf)}
		return nil
	}
	f.size = headerSize
	f.pcap, err = NewWriter(f.buf)
	return err
}

// rotate moves the older files on.
func (f *File) rotate() error {
	if _, err := os.Lstat(f.Path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	name := func(n int) string {
		if n == 0 {
			return f.Path
		}
		return fmt.Sprint(f.Path, ".", n)
	}
	for n := keepFiles - 1; n >= 0; n-- {
		if err := os.Rename(name(n), name(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Flush hands what is buffered to the system.
func (f *File) Flush() error {
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

// Close ends the file. Write begins another one.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	err := f.Flush()
	if cerr := f.file.Close(); cerr != nil && err == nil {
		f.torn, err = true, cerr
	}
	f.file = nil
	return err
}
