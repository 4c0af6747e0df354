package dlr

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// put is one submit_sm_resp of a test.
type put struct{ link, id, otp, to string }

func TestIndexFind(t *testing.T) {
	q := queuetest.Open(t)
	const to = "+491711234567"
	from := []string{"491711234567"}
	for i, c := range []struct {
		name string
		puts []put
		q    Query
		want string // OTP, or "" for none
	}{
		{"exact id", []put{{"a", "77", "o1", ""}}, Query{Link: "a", ID: "77"}, "o1"},
		{"another link", []put{{"a", "77", "o1", ""}}, Query{Link: "b", ID: "77"}, ""},
		{"the same id on two links", []put{{"a", "77", "o1", ""}, {"b", "77", "o2", ""}}, Query{Link: "b", ID: "77"}, "o2"},
		{"leading zeros lost", []put{{"a", "0077", "o1", ""}}, Query{Link: "a", ID: "77"}, "o1"},
		{"case changed", []put{{"a", "00AB", "o1", ""}}, Query{Link: "a", ID: "ab"}, "o1"},
		{"exact wants zeros", []put{{"a", "0077", "o1", ""}}, Query{Link: "a", Rule: Exact, ID: "77"}, ""},
		{"exact wants case", []put{{"a", "AB", "o1", ""}}, Query{Link: "a", Rule: Exact, ID: "ab"}, ""},
		{"exact of several of one form", []put{{"a", "AB", "o1", ""}, {"a", "ab", "o2", ""}}, Query{Link: "a", Rule: Exact, ID: "AB"}, "o1"},
		{"auto prefers the exact one", []put{{"a", "AB", "o1", ""}, {"a", "ab", "o2", ""}}, Query{Link: "a", ID: "AB"}, "o1"},
		{"auto and several, none exact", []put{{"a", "AB", "o1", ""}, {"a", "ab", "o2", ""}}, Query{Link: "a", ID: "0AB"}, ""},
		{"id used again: the newer", []put{{"a", "5", "o1", ""}, {"a", "5", "o2", ""}}, Query{Link: "a", ID: "5"}, "o2"},
		{"hex-dec", []put{{"a", "0001A2B", "o1", ""}}, Query{Link: "a", Rule: HexDec, ID: "6699"}, "o1"},
		{"hex-dec never takes the same digits", []put{{"a", "6699", "o1", ""}}, Query{Link: "a", Rule: HexDec, ID: "6699"}, ""},
		{"dec-hex", []put{{"a", "6699", "o1", ""}}, Query{Link: "a", Rule: DecHex, ID: "00001a2b"}, "o1"},
		{"auto, other base, address proves it", []put{{"a", "1A2B", "o1", to}}, Query{Link: "a", ID: "6699", Addresses: from}, "o1"},
		{"auto, digits only, address proves it", []put{{"a", "1011", "o1", to}}, Query{Link: "a", ID: "4113", Addresses: from}, "o1"},
		{"auto, decimal to hexadecimal, address proves it", []put{{"a", "6699", "o1", to}}, Query{Link: "a", ID: "1A2B", Addresses: from}, "o1"},
		{"auto, other base, another's address", []put{{"a", "1A2B", "o1", to}}, Query{Link: "a", ID: "6699", Addresses: []string{"491711111111"}, Settled: true}, ""},
		{"auto, other base, no proof yet", []put{{"a", "1A2B", "o1", ""}}, Query{Link: "a", ID: "6699"}, ""},
		{"auto, other base, settled", []put{{"a", "1A2B", "o1", ""}}, Query{Link: "a", ID: "6699", Settled: true}, "o1"},
		{"auto, digits only, settled, no proof", []put{{"a", "1011", "o1", ""}}, Query{Link: "a", ID: "4113", Settled: true}, ""},
		{"auto, the same id goes first", []put{{"a", "1A2B", "o1", to}, {"a", "6699", "o2", ""}}, Query{Link: "a", ID: "6699", Addresses: from}, "o2"},
		{"octets that are no text", []put{{"a", "\xff\x01.*>", "o1", ""}}, Query{Link: "a", ID: "\xff\x01.*>"}, "o1"},
		{"UUID without its hyphens", []put{{"a", "0E999F21-81ef-4974-a414-3de98174e3c7", "o1", ""}}, Query{Link: "a", ID: "0e999f2181ef4974a4143de98174e3c7"}, "o1"},
		{"UUID with hyphens that it had not, and in braces", []put{{"a", "e999f2181ef4974a4143de98174e3c7", "o1", ""}}, Query{Link: "a", ID: "{0E999F21-81EF-4974-A414-3DE98174E3C7}"}, "o1"},
		{"exact wants hyphens", []put{{"a", "ab-cd", "o1", ""}}, Query{Link: "a", Rule: Exact, ID: "abcd"}, ""},
		{"hyphens of an id of letters", []put{{"a", "SMS-zx-19", "o1", ""}}, Query{Link: "a", ID: "SMSzx19"}, "o1"},
		{"case of an id of letters, the number proves it", []put{{"a", "MSG7X", "o1", to}}, Query{Link: "a", ID: "msg7x", Addresses: from}, "o1"},
		{"an id used again, and a late receipt for the older", []put{{"a", "5", "o1", to}, {"a", "5", "o2", "+4917000000"}}, Query{Link: "a", ID: "5", Addresses: from}, "o1"},
		{"an id used again, and a receipt for the newer", []put{{"a", "5", "o1", "+4917000000"}, {"a", "5", "o2", to}}, Query{Link: "a", ID: "5", Addresses: from}, "o2"},
		{"an id used again, of which the receipt's message is not here", []put{{"a", "5", "o1", "+4917000000"}}, Query{Link: "a", ID: "5", Addresses: from}, ""},
		{"the same by rule exact", []put{{"a", "5", "o1", "+4917000000"}}, Query{Link: "a", Rule: Exact, ID: "5", Addresses: from}, ""},
		{"the same by rule hex-dec", []put{{"a", "5", "o1", "+4917000000"}}, Query{Link: "a", Rule: HexDec, ID: "5", Addresses: from, Settled: true}, ""},
		{"a carrier that rewrites numbers", []put{{"a", "5", "o1", "+4917000000"}}, Query{Link: "a", ID: "5", Addresses: from, AnyNumber: true}, "o1"},
		{"several of one form, the number decides", []put{{"a", "AB", "o1", to}, {"a", "ab", "o2", "+4917000000"}}, Query{Link: "a", ID: "0AB", Addresses: from}, "o1"},
		{"the text's id is the right one", []put{{"a", "77", "o1", to}}, Query{Link: "a", ID: "991", OtherID: "77", Addresses: from}, "o1"},
		{"both ids are known, the number decides", []put{{"a", "77", "o1", to}, {"a", "991", "o2", "+4917000000"}}, Query{Link: "a", ID: "991", OtherID: "77", Addresses: from}, "o1"},
		{"the text's id without a number, not yet", []put{{"a", "77", "o1", ""}}, Query{Link: "a", ID: "991", OtherID: "77"}, ""},
		{"the text's id without a number, settled", []put{{"a", "77", "o1", ""}}, Query{Link: "a", ID: "991", OtherID: "77", Settled: true}, "o1"},
		{"letters of base 62 keep their case", []put{{"a", "xY9", "o1", ""}}, Query{Link: "a", ID: "Xy9"}, ""},
		{"empty id", nil, Query{Link: "a", ID: ""}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			scope := fmt.Sprintf("%d-", i) // each case has links of its own
			x := NewIndex(q.Receipts())
			for _, p := range c.puts {
				if err := x.Put(ctx, scope+p.link, p.id, Entry{OtpID: p.otp, MessageID: "m", Part: 1, Parts: 2, To: p.to}); err != nil {
					t.Fatal(err)
				}
			}
			c.q.Link = scope + c.q.Link
			if c.q.Rule == "" {
				c.q.Rule = Auto
			}
			// With the cache of the process that stored it, and from the bucket alone.
			for name, y := range map[string]*Index{"cached": x, "stored": NewIndex(q.Receipts())} {
				e, ok, err := y.Find(ctx, c.q)
				if err != nil || ok != (c.want != "") || e.OtpID != c.want {
					t.Errorf("%s: got %+v, %v, %v; want OTP %q", name, e, ok, err, c.want)
				}
				if ok && (e.MessageID != "m" || e.Part != 1 || e.Parts != 2) {
					t.Errorf("%s: entry %+v", name, e)
				}
			}
		})
	}
}

func TestIndexPutOfOneFormAtOnce(t *testing.T) {
	q := queuetest.Open(t)
	ctx := context.Background()
	ids := []string{"AB", "ab", "aB", "Ab", "0ab", "00ab"}
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			if err := NewIndex(q.Receipts()).Put(ctx, "l", id, Entry{OtpID: "otp-" + id}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		e, ok, err := NewIndex(q.Receipts()).Find(ctx, Query{Link: "l", Rule: Exact, ID: id})
		if err != nil || !ok || e.OtpID != "otp-"+id {
			t.Errorf("%s: got %+v, %v, %v", id, e, ok, err)
		}
	}
}

// slowBucket does not answer a Create before it is told to.
type slowBucket struct {
	Bucket
	arrived, go_ chan struct{}
}

func (s *slowBucket) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	close(s.arrived)
	<-s.go_
	return s.Bucket.Create(ctx, key, value, ttl)
}

func TestIndexFindsWhileThePutIsUnderWay(t *testing.T) {
	q := queuetest.Open(t)
	ctx := context.Background()
	b := &slowBucket{Bucket: q.Receipts(), arrived: make(chan struct{}), go_: make(chan struct{})}
	x := NewIndex(b)
	done := make(chan error)
	go func() { done <- x.Put(ctx, "l", "1A2B", Entry{OtpID: "o"}) }()
	<-b.arrived
	for name, query := range map[string]Query{"auto": {Link: "l", Rule: Auto, ID: "1A2B"}, "hex-dec": {Link: "l", Rule: HexDec, ID: "6699"}} {
		if e, ok, err := x.Find(ctx, query); err != nil || !ok || e.OtpID != "o" {
			t.Errorf("%s: got %+v, %v, %v", name, e, ok, err)
		}
	}
	close(b.go_)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	now := time.Now()
	c := newCache(4, func() time.Time { return now })
	for i := range 100 {
		c.put(fmt.Sprint(i), stored{Original: fmt.Sprint(i)})
	}
	if c.slots.Len() > 4 {
		t.Errorf("%d slots, want 4 at most", c.slots.Len())
	}
	if _, ok := c.get("99"); !ok {
		t.Error("the newest is gone")
	}
	now = now.Add(cacheLife + 1)
	if _, ok := c.get("99"); ok {
		t.Error("an old one is there")
	}
}

func BenchmarkIndex(b *testing.B) {
	q := queuetest.Open(b, queuetest.WithBounds(queue.Bounds{}))
	x := NewIndex(q.Receipts())
	ctx := context.Background()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprint("M", i)
		if err := x.Put(ctx, "l", id, Entry{OtpID: "6f9619ff-8b86-4011-b42d-00c04fc964ff", MessageID: "m", Part: 1, Parts: 1}); err != nil {
			b.Fatal(err)
		}
		if _, ok, err := x.Find(ctx, Query{Link: "l", Rule: Auto, ID: id}); !ok {
			b.Fatal(err)
		}
	}
}

// BenchmarkFind is the look-up of a receipt right behind its response.
func BenchmarkFind(b *testing.B) {
	x := NewIndex(queuetest.Open(b).Receipts())
	ctx := context.Background()
	e := Entry{OtpID: "6f9619ff-8b86-4011-b42d-00c04fc964ff", MessageID: "264c0c3b-2650-562d-92dd-685d584504c8", Part: 1, Parts: 1, To: "+46700000001"}
	if err := x.Put(ctx, "carrier", "00B1F3C5", e); err != nil {
		b.Fatal(err)
	}
	q := Query{Link: "carrier", Rule: Auto, ID: "00B1F3C5", Addresses: []string{"00000001"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := x.Find(ctx, q); !ok || err != nil {
			b.Fatal(err)
		}
	}
}

// TestIndexValues: an id of a carrier takes few octets, an older value in JSON is read, and what cannot be
// read is as nothing.
func TestIndexValues(t *testing.T) {
	c := chain{{Original: "77", OtpID: "6f9619ff-8b86-4011-b42d-00c04fc964ff", MessageID: "264c0c3b-2650-562d-92dd-685d584504c8", Part: 1, Parts: 1,
		Address: "11234567", At: 1_800_000_000_123}, {Original: "077", OtpID: "o1", MessageID: "m", Sender: "123456"}}
	old, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string][]byte{"CBOR": c.encode(), "JSON": old} {
		if got := decodeChain(value); !reflect.DeepEqual(got, c) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if n := len(c[:1].encode()); n > 80 {
		t.Errorf("%d octets for one id", n)
	}
	for _, damaged := range []string{"", "[", "\x81", "\x81\xa1\x01", "x"} {
		if got := decodeChain([]byte(damaged)); len(got) != 0 {
			t.Errorf("%q is %v", damaged, got)
		}
	}
}

// TestIndexKeeps: an id is known as long as its message's OTP, and not for the bucket's age.
func TestIndexKeeps(t *testing.T) {
	q := queuetest.Open(t)
	ctx := context.Background()
	b := &keeps{Bucket: q.Receipts()}
	x := NewIndex(b)
	for _, id := range []string{"1A2B", "1a2b"} { // made, and added to
		if err := x.Put(ctx, "l", id, Entry{OtpID: "o", MessageID: id, Keep: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.kept) != 3 || b.kept[0] != time.Minute || b.kept[2] != time.Minute {
		t.Errorf("kept for %v", b.kept)
	}
}

// keeps notes for how long something is stored.
type keeps struct {
	Bucket
	kept []time.Duration
}

func (k *keeps) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	k.kept = append(k.kept, ttl)
	return k.Bucket.Create(ctx, key, value, ttl)
}

func (k *keeps) Update(ctx context.Context, key string, value []byte, ttl time.Duration, revision uint64) (uint64, error) {
	k.kept = append(k.kept, ttl)
	return k.Bucket.Update(ctx, key, value, ttl, revision)
}
