package otp

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/otpgw/otpgw/otp/guard"
)

// filled is a record of which every field has a value.
func filled() *Record {
	r := &Record{ID: "bf325375-e030-4ccb-a009-17317c574773"}
	at := time.Unix(1_800_000_000, 0).UTC()
	fill(reflect.ValueOf(r).Elem(), at)
	r.ID, r.unknown = "bf325375-e030-4ccb-a009-17317c574773", nil
	return r
}

func fill(v reflect.Value, at time.Time) {
	switch {
	case !v.CanSet():
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(at))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), at)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), at)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), at)
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case v.Kind() == reflect.String:
		v.SetString("text")
	case v.CanInt():
		v.SetInt(7)
	case v.CanUint():
		v.SetUint(7)
	case v.CanFloat():
		v.SetFloat(0.25)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	}
}

func TestRecordComesBackAsItWas(t *testing.T) {
	want := filled()
	data, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRecord(want.ID, data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
}

// TestFieldsHaveNumbers: what is stored has a number of its own, which is never another field's.
func TestFieldsHaveNumbers(t *testing.T) {
	for number := range numbersOf(reflect.TypeFor[storedRecord]()) {
		if numbersOf(reflect.TypeFor[Record]())[number] {
			t.Errorf("%d is the number of two fields of a stored record", number)
		}
	}
	for _, of := range []reflect.Type{reflect.TypeFor[Record](), reflect.TypeFor[storedRecord](), reflect.TypeFor[sentMessage](), reflect.TypeFor[Delivery](), reflect.TypeFor[PartDelivery](), reflect.TypeFor[step]()} {
		stored := 0
		for i := range of.NumField() {
			f := of.Field(i)
			if tag := f.Tag.Get("cbor"); f.IsExported() && !f.Anonymous && tag != "-" {
				stored++
				if !strings.Contains(tag, ",keyasint") {
					t.Errorf("%s.%s has no number: give it the next one that was never used", of.Name(), f.Name)
				}
			}
		}
		if n := len(numbersOf(of)); n != stored {
			t.Errorf("%s: %d numbers for %d fields", of.Name(), n, stored)
		}
	}
}

// TestNewerFieldsAreKept: a change made by this version leaves what a newer one stored.
func TestNewerFieldsAreKept(t *testing.T) {
	r := filled()
	r.unknown = map[uint64]cbor.RawMessage{9000: {0x63, 'n', 'e', 'w'}}
	data, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRecord(r.ID, data)
	if err != nil {
		t.Fatal(err)
	}
	got.Reserved++
	if data, err = got.encode(); err != nil {
		t.Fatal(err)
	}
	again, err := decodeRecord(r.ID, data)
	if err != nil {
		t.Fatal(err)
	}
	if string(again.unknown[9000]) != "\x63new" || len(again.unknown) != 1 || again.Reserved != r.Reserved+1 {
		t.Errorf("%v, %+v", again.unknown, again)
	}
}

func TestRecordSize(t *testing.T) {
	b := newBench(t)
	o := b.create(t, `{"phoneNumber":"+33612345678","trackId":"bf325375-e030-4ccb-a009-17317c574773"}`)
	data, err := b.record(t, o.OtpID).encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 340 {
		t.Errorf("%d octets; a million records are in the memory of every daemon", len(data))
	}
	if err := b.verify(o.OtpID, b.pin(t, o.OtpID)); err != nil {
		t.Fatal(err)
	}
	ended := b.record(t, o.OtpID)
	if data, err = ended.encode(); err != nil || len(data) > 270 || len(ended.Text) > 0 {
		t.Errorf("%d octets once it is verified, and its message is still there: %v; %v", len(data), len(ended.Text) > 0, err)
	}
}

// TestRecordForms: the short form of a record is of the record, whatever is in it; one of the first version,
// which has no short form, is read as well.
func TestRecordForms(t *testing.T) {
	code, id := 7, "bf325375-e030-4ccb-a009-17317c574773"
	at := time.Unix(1_800_000_000, 0).UTC()
	one := func(p PartDelivery) Delivery {
		return Delivery{Status: DeliveryFailed, ErrorCode: &code, At: at, Parts: []PartDelivery{p}}
	}
	same := PartDelivery{Part: 1, Status: DeliveryFailed, ErrorCode: &code, At: at}
	later, other := same, same
	later.At, other.ErrorCode = at.Add(time.Second), nil
	for name, r := range map[string]*Record{
		"UUIDs":            {TrackID: id, Message: id, Status: StatusVerified},
		"no UUIDs":         {TrackID: "BF325375-E030-4CCB-A009-17317C574773", Message: "message 17 octets", Status: "NEW", Encoding: "new"},
		"one part":         {Delivery: one(same)},
		"one part, later":  {Delivery: one(later)},
		"one part, others": {Delivery: one(other)},
		"risks":            {Risk: []string{guard.RiskPrefixTraffic, guard.RiskCountry}},
		"a new risk":       {Risk: []string{guard.RiskPrefixTraffic, "new"}},
		"no part":          {Delivery: Delivery{Status: DeliveryAccepted, At: at}},
	} {
		r.ID = id
		short, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		long, err := recordEncoder.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for form, data := range map[string][]byte{"short": short, "first": append([]byte{oldestRecord}, long...)} {
			if got, err := decodeRecord(id, data); err != nil || !reflect.DeepEqual(got, r) {
				t.Errorf("%s, %s form: %+v, %v", name, form, got, err)
			}
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	data, err := filled().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte{})
	f.Add([]byte{recordVersion, 0xa1, 0x19, 0x23, 0x28, 0x63, 'n', 'e', 'w'})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord("id", data)
		if err != nil {
			return
		}
		once, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeRecord("id", once)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := again.encode()
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%x then %x (%v)", once, twice, err)
		}
	})
}
