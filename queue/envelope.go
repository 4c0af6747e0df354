package queue

import (
	"encoding/binary"
	"errors"
	"time"
)

// The first octet of a stored message of a work queue is envelopeVersion and the format of its data. A daemon
// that does not know it leaves the message where it is: it is counted nowhere and handed out to nobody until a
// daemon that does comes back.
const (
	envelopeVersion = 1
	newestData      = 1 // the newest Message.Format that is handed out
)

// envelope is a message of a work queue as it is stored.
type envelope struct {
	subject string
	id      string
	group   string
	stored  time.Time // by the log's clock
	format  uint8
	data    []byte
}

func (e *envelope) encode() []byte {
	out := make([]byte, 0, len(e.subject)+len(e.id)+len(e.group)+len(e.data)+16)
	out = append(out, envelopeVersion+e.format)
	for _, s := range []string{e.subject, e.id, e.group} {
		out = append(binary.AppendUvarint(out, uint64(len(s))), s...)
	}
	out = binary.AppendUvarint(out, uint64(e.stored.UnixMilli()))
	return append(out, e.data...)
}

var errEnvelope = errors.New("queue: a stored message that cannot be read")

// decodeEnvelope reads a stored message; its data is a part of value.
func decodeEnvelope[T string | []byte](value T) (e envelope, err error) {
	if len(value) == 0 || value[0] < envelopeVersion || value[0] > envelopeVersion+newestData {
		return e, errEnvelope
	}
	e.format = value[0] - envelopeVersion
	rest := value[1:]
	for _, s := range []*string{&e.subject, &e.id, &e.group} {
		n, size := uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return e, errEnvelope
		}
		*s = string(rest[size : size+int(n)])
		rest = rest[size+int(n):]
	}
	ms, size := uvarint(rest)
	if size <= 0 {
		return e, errEnvelope
	}
	e.stored, e.data = time.UnixMilli(int64(ms)), []byte(rest[size:])
	return e, nil
}

// uvarint is binary.Uvarint for strings too.
func uvarint[T string | []byte](p T) (v uint64, n int) {
	for shift := uint(0); n < len(p) && n < binary.MaxVarintLen64; shift += 7 {
		c := p[n]
		n++
		if v |= uint64(c&0x7f) << shift; c < 0x80 {
			return v, n
		}
	}
	return 0, 0
}
