// Package funnel counts how OTPs fare from the request to the right PIN, for people to look at: of those that
// were asked for in a minute, how many were handed to a carrier, delivered and verified; to which countries,
// over which links, and how long it took.
//
//	otp.Service, links -> Count -> memory -> (every few seconds) bucket funnel, one key for each daemon and ten minutes
//	console            <- Read  <- the keys of all daemons, summed
//
// An OTP counts for the minute of its request, whenever it is delivered or verified: so a later stage is a
// share of an earlier one. Each daemon writes keys of its own, so nothing is fought over, and a daemon that
// is killed takes a few seconds of counts with it. Ten minutes of a daemon take about half a kilobyte, a day
// of it 80 KiB; they are gone after 25 hours. Countries over the most of a key are counted together.
package funnel

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/otpgw/otpgw/queue"
)

// Stage is how far an OTP has come.
type Stage int

// The stages.
const (
	Asked Stage = iota
	Handed
	Delivered
	Verified
	stages
)

// Counts are how many OTPs came to each stage.
type Counts [stages]uint32

func (c *Counts) add(o Counts) {
	for i := range o {
		c[i] += o[i]
	}
}

const (
	slotMinutes  = 10
	slotTime     = slotMinutes * time.Minute
	keptFor      = 25 * time.Hour
	flushPause   = 3 * time.Second
	flushTimeout = 5 * time.Second
	maxCountries = 60
	maxLinks     = 60
	// Other stands for what there is no room for.
	Other = "other"
)

// bounds are the upper ends of the classes of times, in seconds; the last class has none.
var bounds = []float64{1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600}

// times counts by class.
type times []uint32

func (t *times) add(o times) {
	for len(*t) < len(o) {
		*t = append(*t, 0)
	}
	for i, n := range o {
		(*t)[i] += n
	}
}

func (t *times) observe(after time.Duration) {
	i, seconds := 0, after.Seconds()
	for i < len(bounds) && seconds > bounds[i] {
		i++
	}
	for len(*t) <= i {
		*t = append(*t, 0)
	}
	(*t)[i]++
}

// slot is ten minutes of a daemon. The numbers of its fields are what is stored.
type slot struct {
	Minutes   [slotMinutes]Counts `cbor:"1,keyasint"`
	Countries map[string]Counts   `cbor:"2,keyasint,omitempty"`
	Links     map[string]Counts   `cbor:"3,keyasint,omitempty"`
	Delivery  times               `cbor:"4,keyasint,omitempty"`
	Verify    times               `cbor:"5,keyasint,omitempty"`
}

func newSlot() *slot {
	return &slot{Countries: make(map[string]Counts), Links: make(map[string]Counts)}
}

func (s *slot) add(o *slot) {
	for i := range o.Minutes {
		s.Minutes[i].add(o.Minutes[i])
	}
	merge(s.Countries, o.Countries, maxCountries)
	merge(s.Links, o.Links, maxLinks)
	s.Delivery.add(o.Delivery)
	s.Verify.add(o.Verify)
}

func merge(into, from map[string]Counts, most int) {
	for name, c := range from {
		count(into, name, c, most)
	}
}

// count adds to a name's counts, or to those of Other where there is no room for more names.
func count(into map[string]Counts, name string, c Counts, most int) {
	sum, known := into[name]
	if !known && len(into) >= most {
		name = Other
		sum = into[name]
	}
	sum.add(c)
	into[name] = sum
}

// Funnel is a daemon's part of the counting. Make it with New.
type Funnel struct {
	bucket *queue.Bucket
	now    func() time.Time
	id     string

	mu    sync.Mutex
	fresh map[int64]*slot // counted and not stored yet, by number of the slot since 1970
}

// New counts into a bucket.
func New(bucket *queue.Bucket, now func() time.Time) *Funnel {
	return &Funnel{bucket: bucket, now: now, id: rand.Text()[:8], fresh: make(map[int64]*slot)}
}

// Event is that an OTP came to a stage.
type Event struct {
	Stage   Stage
	Asked   time.Time     // when the OTP was asked for
	Country string        // empty: not counted by country
	Link    string        // empty: not known
	After   time.Duration // of Delivered and Verified, since the request
}

// Count takes an event in.
func (f *Funnel) Count(e Event) {
	if f.now().Sub(e.Asked) > keptFor-slotTime {
		return
	}
	var one Counts
	one[e.Stage] = 1
	minute := e.Asked.Unix() / 60
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.fresh[minute/slotMinutes]
	if s == nil {
		s = newSlot()
		f.fresh[minute/slotMinutes] = s
	}
	s.Minutes[minute%slotMinutes].add(one)
	if e.Country != "" {
		count(s.Countries, e.Country, one, maxCountries)
	}
	if e.Link != "" {
		count(s.Links, e.Link, one, maxLinks)
	}
	switch e.Stage {
	case Delivered:
		s.Delivery.observe(e.After)
	case Verified:
		s.Verify.observe(e.After)
	}
}

// Run stores what is counted until ctx ends, and then what is left.
func (f *Funnel) Run(ctx context.Context) error {
	tick := time.NewTicker(flushPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			f.flush(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
			f.flush(ctx)
		}
	}
}

func (f *Funnel) flush(ctx context.Context) {
	f.mu.Lock()
	fresh := f.fresh
	f.fresh = make(map[int64]*slot)
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	for number, s := range fresh {
		if f.store(ctx, number, s) != nil { // with the next
			f.mu.Lock()
			if newer := f.fresh[number]; newer != nil {
				s.add(newer)
			}
			f.fresh[number] = s
			f.mu.Unlock()
		}
	}
}

// store adds to a slot that nobody else writes.
func (f *Funnel) store(ctx context.Context, number int64, more *slot) error {
	key, whole := fmt.Sprintf("%s.%d", f.id, number), newSlot()
	if e, ok := f.bucket.Local(key); ok {
		if stored, err := decode(e.Value); err == nil {
			whole.add(stored)
		}
	}
	whole.add(more)
	data, err := cbor.Marshal(whole)
	if err == nil {
		_, err = f.bucket.Put(ctx, key, data, keptFor)
	}
	return err
}

func decode(value []byte) (*slot, error) {
	s := newSlot()
	return s, cbor.Unmarshal(value, s)
}
