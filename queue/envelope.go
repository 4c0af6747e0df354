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

// envelope is a message of a work queue as it is stored, or, with parts of what is stored for its names, as it
// is read.
type envelope[name string | []byte] struct {
	subject name
	id      name
	group   name
	stored  time.Time // by the log's clock
	format  uint8
	data    []byte
}

func (e *envelope[name]) encode() []byte {
	out := make([]byte, 0, len(e.subject)+len(e.id)+len(e.group)+len(e.data)+16)
	out = append(out, envelopeVersion+e.format)
	for _, s := range []name{e.subject, e.id, e.group} {
		out = append(binary.AppendUvarint(out, uint64(len(s))), s...)
	}
	out = binary.AppendUvarint(out, uint64(e.stored.UnixMilli()))
	return append(out, e.data...)
}

var errEnvelope = errors.New("queue: a stored message that cannot be read")

// decodeEnvelope reads a stored message, all of which is a part of value.
func decodeEnvelope(value []byte) (e envelope[[]byte], err error) {
	if len(value) == 0 || value[0] < envelopeVersion || value[0] > envelopeVersion+newestData {
		return e, errEnvelope
	}
	e.format = value[0] - envelopeVersion
	rest := value[1:]
	for _, s := range []*[]byte{&e.subject, &e.id, &e.group} {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return e, errEnvelope
		}
		*s = rest[size : size+int(n)]
		rest = rest[size+int(n):]
	}
	ms, size := binary.Uvarint(rest)
	if size <= 0 {
		return e, errEnvelope
	}
	e.stored, e.data = time.UnixMilli(int64(ms)), rest[size:]
	return e, nil
}
