package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// HeaderLen is the length of a PDU's header in octets (SMPP 3.4, 3.2).
	HeaderLen = 16
	// MaxFrame is the longest PDU taken: a full message_payload and its PDU around it fit in 64 KiB and a
	// little.
	MaxFrame = 64<<10 + 1024
	// MaxSequence is the last sequence number; 1 follows (SMPP 3.4, 5.1.4).
	MaxSequence = 0x7FFFFFFF
)

// ErrFrameLength is a command_length outside 16..MaxFrame. Where the next PDU begins is unknown then, so the
// session has to end.
var ErrFrameLength = errors.New("smpp: command_length out of range")

// Header is a PDU's header without its length.
type Header struct {
	Command  Command
	Status   Status
	Sequence uint32
}

// Frame is one PDU as it came: the header and the octets behind it.
type Frame struct {
	Header
	Body []byte
}

// IsResponse reports whether the frame answers a request. Only such a frame may match one.
func (h Header) IsResponse() bool { return h.Command&ResponseBit != 0 }

// ReadFrame reads one PDU. The body is a slice of its own. Errors: the reader's own, io.ErrUnexpectedEOF
// inside a PDU, and ErrFrameLength.
func ReadFrame(r io.Reader) (Frame, error) {
	if b, ok := r.(*bufio.Reader); ok { // the header need not be copied
		h, err := b.Peek(HeaderLen)
		if err != nil {
			if len(h) > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return Frame{}, err
		}
		f, n, err := readHeader(h)
		if err != nil {
			return Frame{}, err
		}
		_, _ = b.Discard(HeaderLen) // cannot fail: they are buffered
		return f.readBody(r, n)
	}
	h := make([]byte, HeaderLen)
	if _, err := io.ReadFull(r, h); err != nil {
		return Frame{}, err
	}
	f, n, err := readHeader(h)
	if err != nil {
		return Frame{}, err
	}
	return f.readBody(r, n)
}

// readHeader also returns the length of the body.
func readHeader(h []byte) (Frame, int, error) {
	length := binary.BigEndian.Uint32(h[0:4])
	if length < HeaderLen || length > MaxFrame {
		return Frame{}, 0, fmt.Errorf("%w: %d", ErrFrameLength, length)
	}
	return Frame{Header: Header{
		Command:  Command(binary.BigEndian.Uint32(h[4:8])),
		Status:   Status(binary.BigEndian.Uint32(h[8:12])),
		Sequence: binary.BigEndian.Uint32(h[12:16]),
	}}, int(length) - HeaderLen, nil
}

func (f Frame) readBody(r io.Reader, n int) (Frame, error) {
	if n == 0 {
		return f, nil
	}
	f.Body = make([]byte, n)
	if _, err := io.ReadFull(r, f.Body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return f, nil
}

// Bytes returns the frame as it goes on the wire.
func (f Frame) Bytes() []byte {
	b := appendHeader(make([]byte, 0, HeaderLen+len(f.Body)), f.Header)
	return finish(append(b, f.Body...))
}

// appendHeader appends the header with a length of zero, which finish fills in.
func appendHeader(b []byte, h Header) []byte {
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Command))
	b = binary.BigEndian.AppendUint32(b, uint32(h.Status))
	return binary.BigEndian.AppendUint32(b, h.Sequence)
}

// finish writes the length of a PDU that starts at b[0].
func finish(b []byte) []byte {
	binary.BigEndian.PutUint32(b[0:4], uint32(len(b)))
	return b
}

// RawBody is a PDU's body as octets: a PDU of any command, also one that this package has no type for.
type RawBody []byte

// Encode returns the PDU.
func (b RawBody) Encode(h Header) ([]byte, error) { return Frame{Header: h, Body: b}.Bytes(), nil }
