package otp

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Records are stored as CBOR (RFC 8949) with numbers for names: a third of the size of JSON, which counts in the memory of every
// daemon, and a fraction of its cost. Their first octet is the version of the form. A field that this version of the
// program does not know is kept, so that daemons of two versions work on one store.
const recordVersion = 1

var (
	recordEncoder = must(cbor.EncOptions{Time: cbor.TimeUnixDynamic, OmitEmpty: cbor.OmitEmptyGoValue, Sort: cbor.SortCoreDeterministic}.EncMode())
	recordDecoder = must(cbor.DecOptions{ExtraReturnErrors: cbor.ExtraDecErrorUnknownField}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // options that contradict each other; the same at each start
	}
	return v
}

// encode writes the record as it is stored.
func (r *Record) encode() ([]byte, error) {
	data, err := recordEncoder.Marshal(r)
	if err == nil && len(r.unknown) > 0 {
		data, err = withUnknown(data, r.unknown)
	}
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", r.ID, err)
	}
	return append([]byte{recordVersion}, data...), nil
}

func withUnknown(data []byte, unknown map[uint64]cbor.RawMessage) ([]byte, error) {
	var fields map[uint64]cbor.RawMessage
	if err := cbor.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	for number, value := range unknown {
		fields[number] = value
	}
	return recordEncoder.Marshal(fields)
}

// decodeRecord reads the record that is stored under an id.
func decodeRecord(id string, value []byte) (*Record, error) {
	if len(value) == 0 || value[0] != recordVersion {
		return nil, fmt.Errorf("record %s: stored in a form that this version does not know", id)
	}
	r := &Record{ID: id}
	err := recordDecoder.Unmarshal(value[1:], r)
	if unknown := (*cbor.UnknownFieldError)(nil); errors.As(err, &unknown) {
		err = r.decodeUnknown(value[1:])
	}
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", id, err)
	}
	r.inUTC()
	return r, nil
}

// decodeUnknown reads a record that has fields of a newer version.
func (r *Record) decodeUnknown(data []byte) error {
	if err := cbor.Unmarshal(data, r); err != nil {
		return err
	}
	if err := cbor.Unmarshal(data, &r.unknown); err != nil {
		return err
	}
	maps.DeleteFunc(r.unknown, func(number uint64, _ cbor.RawMessage) bool { return recordFields[number] })
	return nil
}

// recordFields are the numbers of the fields that this version knows.
var recordFields = numbersOf(reflect.TypeFor[Record]())

func numbersOf(t reflect.Type) map[uint64]bool {
	numbers := make(map[uint64]bool)
	for i := range t.NumField() {
		text, _, _ := strings.Cut(t.Field(i).Tag.Get("cbor"), ",")
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			numbers[n] = true
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
