package otp

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue"
)

// Records are stored as CBOR (RFC 8949) with numbers for names: a third of the size of JSON, which counts in
// the memory of every daemon, and a fraction of its cost. Their first octet is the version of the form. A
// field that this version of the program does not know is kept, so that daemons of two versions work on one
// store.
const (
	recordVersion = 2
	oldestRecord  = 1 // without what storedRecord has beside Record
)

// storedRecord is a Record in the form it is stored in: what is long and always the same, or a UUID, in few
// octets. Its own fields have numbers from 201, which Record's never reach.
type storedRecord struct {
	Record
	Track  []byte `cbor:"201,keyasint,omitempty"` // TrackID, where it is a UUID; see queue.PackID
	Sent   []byte `cbor:"202,keyasint,omitempty"` // Message, the same
	Words  []byte `cbor:"203,keyasint,omitempty"` // of the texts of words; 0: the text is in its field
	Risks  []byte `cbor:"205,keyasint,omitempty"` // Risk, in words, where all are
	Single bool   `cbor:"204,keyasint,omitempty"` // one part, of which all is as of the whole
}

// recordWords are the words that stand for one octet each, from 1. It only ever grows at its end.
var recordWords = []string{
	string(StatusPending), string(StatusVerified), string(StatusExpired), string(StatusCancelled), string(StatusFailed),
	string(pin.Numbers), string(pin.Letters), string(pin.Alphanumeric), "GSM7", "UCS2",
	string(DeliveryAccepted), string(DeliverySent), string(DeliveryDelivered), string(DeliveryFailed), string(DeliveryRejected),
	string(DeliveryNoCoverage), string(DeliveryScheduled),
	guard.RiskCountry, guard.RiskNumberType, guard.RiskPrefixTraffic, guard.RiskCountryTraffic,
}

// wordFor is the octet of a word; 0 for none.
func wordFor(text string) byte { return byte(slices.Index(recordWords, text) + 1) }

// wordOf is the word of an octet that is not 0.
func wordOf(n byte) (string, error) {
	if int(n) > len(recordWords) {
		return "", errors.New("a word that this version does not know")
	}
	return recordWords[n-1], nil
}

// words are the texts that Words stands for.
func (r *Record) words() [4]*string {
	return [...]*string{(*string)(&r.Status), (*string)(&r.PINType), &r.Encoding, (*string)(&r.Delivery.Status)}
}

// hold makes it the form of a record that is stored. It shares what the record points to.
func (s *storedRecord) hold(r *Record) {
	*s = storedRecord{Record: *r}
	if packed := queue.PackID(s.TrackID); len(packed) < len(s.TrackID) {
		s.Track, s.TrackID = packed, ""
	}
	if packed := queue.PackID(s.Message); len(packed) < len(s.Message) {
		s.Sent, s.Message = packed, ""
	}
	if d := &s.Delivery; len(d.Parts) == 1 && d.Parts[0].is(d.single()) {
		s.Single, d.Parts = true, nil
	}
	words := s.words()
	s.Words = make([]byte, len(words))
	for i, w := range words {
		if s.Words[i] = wordFor(*w); s.Words[i] > 0 {
			*w = ""
		}
	}
	for _, risk := range s.Risk {
		s.Risks = append(s.Risks, wordFor(risk))
	}
	if bytes.IndexByte(s.Risks, 0) < 0 {
		s.Risk = nil
	} else {
		s.Risks = nil
	}
}

// record is the record that was stored.
func (s *storedRecord) record() (*Record, error) {
	if len(s.Track) > 0 {
		s.TrackID = queue.UnpackID(s.Track)
	}
	if len(s.Sent) > 0 {
		s.Message = queue.UnpackID(s.Sent)
	}
	words := s.words()
	var err error
	for i, n := range s.Words[:min(len(s.Words), len(words))] {
		if n > 0 && err == nil {
			*words[i], err = wordOf(n)
		}
	}
	for _, n := range s.Risks {
		var risk string
		if n > 0 && err == nil {
			risk, err = wordOf(n)
		}
		s.Risk = append(s.Risk, risk)
	}
	if s.Single {
		s.Delivery.Parts = []PartDelivery{s.Delivery.single()}
	}
	return &s.Record, err
}

// single is the only part of a delivery whose part is as the whole.
func (d *Delivery) single() PartDelivery {
	return PartDelivery{Part: 1, Status: d.Status, ErrorCode: d.ErrorCode, At: d.At, Assumed: d.Assumed}
}

func (p PartDelivery) is(o PartDelivery) bool {
	same := p.ErrorCode == o.ErrorCode || p.ErrorCode != nil && o.ErrorCode != nil && *p.ErrorCode == *o.ErrorCode
	return same && p.Part == o.Part && p.Status == o.Status && p.At.Equal(o.At) && p.Assumed == o.Assumed
}

var (
	recordEncoder = must(cbor.EncOptions{Time: cbor.TimeUnixDynamic, OmitEmpty: cbor.OmitEmptyGoValue, Sort: cbor.SortCoreDeterministic}.UserBufferEncMode())
	recordDecoder = must(cbor.DecOptions{ExtraReturnErrors: cbor.ExtraDecErrorUnknownField}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // options that contradict each other; the same at each start
	}
	return v
}

// encoding is the room that a record is encoded in. Nobody keeps it, or anything of it.
type encoding struct {
	storedRecord
	out bytes.Buffer
}

var encodings = sync.Pool{New: func() any { return new(encoding) }}

// encode writes the record as it is stored.
func (r *Record) encode() ([]byte, error) {
	e := encodings.Get().(*encoding)
	defer e.free()
	e.hold(r)
	e.out.WriteByte(recordVersion)
	err := recordEncoder.MarshalToBuffer(&e.storedRecord, &e.out)
	if err == nil && len(r.unknown) > 0 {
		err = e.addUnknown(r.unknown)
	}
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", r.ID, err)
	}
	return bytes.Clone(e.out.Bytes()), nil
}

// addUnknown writes all once more, with the fields of a newer version.
func (e *encoding) addUnknown(unknown map[uint64]cbor.RawMessage) error {
	var fields map[uint64]cbor.RawMessage
	if err := cbor.Unmarshal(e.out.Bytes()[1:], &fields); err != nil {
		return err
	}
	maps.Copy(fields, unknown)
	e.out.Truncate(1)
	return recordEncoder.MarshalToBuffer(fields, &e.out)
}

func (e *encoding) free() {
	e.storedRecord = storedRecord{}
	e.out.Reset()
	encodings.Put(e)
}

// decodeRecord reads the record that is stored under an id.
func decodeRecord(id string, value []byte) (*Record, error) {
	if len(value) == 0 || value[0] < oldestRecord || value[0] > recordVersion {
		return nil, fmt.Errorf("record %s: stored in a form that this version does not know", id)
	}
	stored := &storedRecord{}
	err := recordDecoder.Unmarshal(value[1:], stored)
	if unknown := (*cbor.UnknownFieldError)(nil); errors.As(err, &unknown) {
		err = stored.decodeUnknown(value[1:])
	}
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", id, err)
	}
	r, err := stored.record()
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", id, err)
	}
	r.ID = id
	r.inUTC()
	return r, nil
}

// decodeUnknown reads a record that has fields of a newer version.
func (s *storedRecord) decodeUnknown(data []byte) error {
	if err := cbor.Unmarshal(data, s); err != nil {
		return err
	}
	if err := cbor.Unmarshal(data, &s.unknown); err != nil {
		return err
	}
	maps.DeleteFunc(s.unknown, func(number uint64, _ cbor.RawMessage) bool { return recordFields[number] })
	return nil
}

// recordFields are the numbers of the fields that this version knows.
var recordFields = numbersOf(reflect.TypeFor[Record](), reflect.TypeFor[storedRecord]())

func numbersOf(types ...reflect.Type) map[uint64]bool {
	numbers := make(map[uint64]bool)
	for _, t := range types {
		for i := range t.NumField() {
			text, _, _ := strings.Cut(t.Field(i).Tag.Get("cbor"), ",")
			if n, err := strconv.ParseUint(text, 10, 64); err == nil {
				numbers[n] = true
			}
		}
	}
	return numbers
}

// inUTC: a time is stored without its zone, and shown in UTC.
func (r *Record) inUTC() {
	times := []*time.Time{&r.Created, &r.Expires, &r.LastSent}
	deliveries := []*Delivery{&r.Delivery}
	for i := range r.Others {
		deliveries = append(deliveries, &r.Others[i].Delivery)
	}
	for _, d := range deliveries {
		times = append(times, &d.At)
		for i := range d.Parts {
			times = append(times, &d.Parts[i].At)
		}
	}
	for _, t := range times {
		*t = t.UTC()
	}
}
