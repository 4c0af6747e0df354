package queue

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// The buckets and work queues in the log; the names are part of what is stored.
const (
	bucketRecords  = "otp"
	bucketReceipts = "receipt"
	bucketHolds    = "hold"
	bucketWithin   = "within"
	bucketSent     = "sent"
	bucketNumbers  = "number"
	bucketOptOuts  = "optout"
	bucketHandsets = "handset"
	bucketTold     = "told"
	bucketControl  = "control"
	bucketScores   = "score"
	bucketQuotas   = "quota"
	bucketBlocks   = "block"
	bucketFunnel   = "funnel"
	bucketNever    = "never"
	bucketRefs     = "reference"
	bucketLeases   = "lease" // of places, see Lease
	workSMS        = "sms."  // and a route
	workEvents     = "events"
	workParked     = "parked"
)

// buckets are those in the log. What happens at a bound is that a new key is refused.
func (q *Queue) declare(o Options) {
	l := o.Bounds
	q.buckets = map[string]*Bucket{
		// Full: POST /otp is refused. Age is a backstop, each record has its own.
		bucketRecords: {bound: l.Records.or(50_000_000, 16*gib, 26*day/24)},
		// A receipt's record is gone sooner. Their number follows from that of the records.
		bucketReceipts: {bound: l.Receipts.or(200_000_000, 16*gib, 26*day/24)},
		// Of messages whose PIN is alive; full: it is not known of more.
		bucketSent: {bound: Bound{5_000_000, gib, time.Hour}},
		// Full: callbacks wait. The age is past the last retry of a callback (75.6 h).
		bucketHolds: {bound: l.Holds.or(1_000_000, 256*mib, 4*day)},
		// Full: a URL that takes none keeps more messages. The same age.
		bucketWithin: {bound: Bound{1_000_000, 256 * mib, 4 * day}},
		// Full: of more numbers each daemon counts by itself. Nothing of a message is on its way for longer.
		bucketRefs: {bound: Bound{500_000, 64 * mib, 2 * day}},
		// Nearly full: who counts there keeps less. Full: POST /otp is refused.
		bucketNumbers: {bound: l.Numbers.or(200_000_000, gib, 32*day)},
		// Full: the SMSC is asked to send the STOP again, for none is forgotten.
		bucketOptOuts: {bound: Bound{Msgs: 2_000_000, Bytes: 512 * mib}},
		// Full: the operator is told that no more numbers can be added.
		bucketNever: {bound: Bound{Msgs: 1_000_000, Bytes: 128 * mib}},
		// Full: the SMSC is asked to send the part again; these go within minutes.
		bucketHandsets: {bound: Bound{50_000, 64 * mib, time.Hour}},
		// Full: what is counted is not seen. A daemon writes 150 keys a day.
		bucketFunnel: {bound: Bound{50_000, 64 * mib, 26 * day / 24}},
		// Full: of more OTPs it is not kept how their callbacks went; the log has it.
		bucketTold: {bound: Bound{250_000, 32 * mib, 2 * time.Hour}},
		// Full: what has a quota is refused.
		bucketQuotas: {bound: Bound{200_000, 32 * mib, 33 * day}},
		// Full: an operator's rule is refused.
		bucketBlocks: {bound: Bound{Msgs: 10_000, Bytes: 4 * mib}},
		// One entry a daemon. Full: daemons judge links by what they see themselves.
		bucketScores: {bound: Bound{1000, 16 * mib, time.Hour}},
		// Full: what an operator wants done is refused.
		bucketControl: {bound: Bound{Msgs: 10_000, Bytes: 8 * mib}},
	}
	for name, b := range q.buckets {
		b.q, b.name = q, name
	}
	q.buckets[bucketTold].room = toldRoom
	if l.Numbers.Bytes == 0 {
		q.buckets[bucketNumbers].room = numbersRoom
	}
	for _, stream := range []string{streamEndpoints, streamTokens, streamAnswers, streamGuard, streamKeys} {
		q.buckets[stream] = &Bucket{q: q, name: stream, kv: &kv{q: q, stream: stream, prefix: bucketPrefix(stream)}}
	}
	// Full: POST /otp is refused. A PIN lives half an hour at most, and so does its message.
	q.smsBound = l.SMS.or(500_000, 512*mib, time.Hour)
	var all []*work
	for _, r := range o.Routes {
		all = append(all, newWork(q, workSMS+r, q.smsBound))
	}
	// Full: callbacks of whose application has most are given up, see package callback.
	all = append(all, newWork(q, workEvents, l.Events.or(2_000_000, gib, 4*day)))
	// Full: the receipt is answered with a temporary error and the SMSC keeps it.
	all = append(all, newWork(q, workParked, l.Parked.or(500_000, 256*mib, 3*day)))
	q.work.Store(&all)
}

// numbersRoom is how many octets the counts of telephone numbers may take. They are kept for a day, so where
// each number is another they are many times as many as the OTPs of an hour.
func numbersRoom(memory int64) int64 {
	if memory == 0 {
		return gib
	}
	return max(MemoryBound(memory)/4, mib)
}

// toldRoom is how many octets it may take to know how callbacks went.
func toldRoom(memory int64) int64 {
	const most = 32 * mib
	if memory == 0 {
		return most
	}
	return min(most, max(MemoryBound(memory)/8, mib))
}

// RecordsRoom is what of the bound of a memory is left for OTPs.
func RecordsRoom(memory int64) int64 {
	return MemoryBound(memory) - numbersRoom(memory) - toldRoom(memory)
}

// openLog reads the log and begins to work with it.
func (q *Queue) openLog(ctx context.Context, o Options) error {
	q.schedule = newSchedule()
	q.timers = newTimers(q)
	watchers := map[string]commitlog.Watcher{timerBucket: q.timers.changed}
	for _, w := range q.works() {
		watchers[w.bucket] = w.changed
	}
	if q.server == nil {
		if !o.Check { // which may be another user
			_ = os.MkdirAll(o.Dir, 0o700) // as an embedded store does; where it cannot be, the log tells what that costs
		}
		q.daemons = newDaemons(q)
		watchers[daemonBucket] = q.daemons.changed
		watchers[claimBucket] = q.claimChanged
	}
	q.marker = newMarker(o)
	err := q.patiently(ctx, func(ctx context.Context) error {
		_, err := q.streams[0].CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: snapshotBucket, Replicas: o.Replicas,
			Storage: jetstream.FileStorage, MaxBytes: q.snapshotBound, Description: "snapshots of the stream LOG"})
		return err
	})
	if err != nil {
		return fmt.Errorf("queue: object store %s: %w", snapshotBucket, err)
	}
	options := commitlog.Options{Stream: &logStream{q: q}, Snapshots: snapshots{q}, Sole: q.server != nil, Log: q.log, Watchers: watchers,
		SnapshotEvery: o.SnapshotEvery, SnapshotLease: o.SnapshotLease, Pressed: func() bool { return q.fill.share() > pressedShare },
		Dir: o.Dir, Hot: hotOf(o.Memory), Cold: q.coldBound, Seldom: []string{bucketRecords, bucketReceipts}, AtOnce: o.ColdAtOnce}
	if q.daemons != nil {
		options.Packed = q.daemons.allRead
	}
	if !o.SyncAlways {
		options.Settle = 3 * o.SyncInterval
	}
	if err := q.readLog(ctx, options); err != nil {
		return fmt.Errorf("queue: the log: %w", err)
	}
	q.fill.log.Store(q.ledger)
	q.readFill()
	q.compare(ctx, o)
	if q.disk != nil { // whoever waits for the log hears of it at once
		q.disk.onFault(q.ledger.Fail)
	}
	if q.daemons != nil {
		q.daemons.renewOnce(ctx)
		q.daemons.start()
	}
	for _, w := range q.works() {
		w.begin()
	}
	q.startTicks()
	return nil
}

// closeLog stores what waits, ends this daemon's lease and then the log.
func (q *Queue) closeLog() {
	q.ticks.Wait()
	if q.ledger != nil {
		if q.daemons != nil && q.daemons.cancel != nil {
			q.daemons.stop()
		}
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		q.ledger.Close(ctx)
		q.noteMark()
		q.noteOthers(true)
	}
	if q.schedule != nil {
		q.schedule.stop()
	}
}

// claimChanged gives a change of a claim to its work queue.
func (q *Queue) claimChanged(c commitlog.Change) {
	bucket, key, ok := strings.Cut(c.Key, "\x00")
	if !ok {
		return
	}
	if w := q.named(bucket); w != nil {
		w.claimChanged(key, c)
	}
}

// workOf is the work queue of a subject: sms.<route>, events.<...>, parked.<...>; nil when there is none.
func (q *Queue) workOf(subject string) *work {
	name, _, _ := strings.Cut(subject, ".")
	if name+"." == workSMS {
		name = subject
	}
	return q.named(name)
}

func (q *Queue) named(bucket string) *work {
	for _, w := range q.works() {
		if w.bucket == bucket {
			return w
		}
	}
	return nil
}

// Records holds the state of each OTP.
func (q *Queue) Records() *Bucket { return q.buckets[bucketRecords] }

// Receipts maps carriers' message ids.
func (q *Queue) Receipts() *Bucket { return q.buckets[bucketReceipts] }

// Sent names the link whose carrier has a message, by the message's id, while its PIN lives.
func (q *Queue) Sent() *Bucket { return q.buckets[bucketSent] }

// Keys holds what ties the store to the secret key (seal.Box.Anchor).
func (q *Queue) Keys() *Bucket { return q.buckets[streamKeys] }

// Endpoints holds the callback URLs that are disabled.
func (q *Queue) Endpoints() *Bucket { return q.buckets[streamEndpoints] }

// Holds names the OTPs whose next callback must wait.
func (q *Queue) Holds() *Bucket { return q.buckets[bucketHolds] }

// Within names the stored message that a callback's request is in, where that is not one of its own.
func (q *Queue) Within() *Bucket { return q.buckets[bucketWithin] }

// Tokens holds access tokens by their hash.
func (q *Queue) Tokens() *Bucket { return q.buckets[streamTokens] }

// Answers holds what was answered to requests that may come again.
func (q *Queue) Answers() *Bucket { return q.buckets[streamAnswers] }

// Numbers holds when something was last done for a telephone number, by its hash.
func (q *Queue) Numbers() *Bucket { return q.buckets[bucketNumbers] }

// Guard holds how many OTPs of a group of numbers were sent and verified.
func (q *Queue) Guard() *Bucket { return q.buckets[streamGuard] }

// OptOuts holds the numbers that want no messages, by their hash.
func (q *Queue) OptOuts() *Bucket { return q.buckets[bucketOptOuts] }

// DoNotSend holds the numbers and prefixes that the operator sends nothing to.
func (q *Queue) DoNotSend() *Bucket { return q.buckets[bucketNever] }

// Told holds how the callbacks of each OTP went, for whoever looks it up.
func (q *Queue) Told() *Bucket { return q.buckets[bucketTold] }

// Funnel holds how many OTPs came how far, for people to look at.
func (q *Queue) Funnel() *Bucket { return q.buckets[bucketFunnel] }

// Handsets holds the parts of handsets' long messages until all are there.
func (q *Queue) Handsets() *Bucket { return q.buckets[bucketHandsets] }

// References holds how far the concatenation references to each number have come, by the number's hash.
func (q *Queue) References() *Bucket { return q.buckets[bucketRefs] }

// Quotas holds how much of what is bounded by the calendar is used up.
func (q *Queue) Quotas() *Bucket { return q.buckets[bucketQuotas] }

// Blocks holds what operators said of beginnings of numbers.
func (q *Queue) Blocks() *Bucket { return q.buckets[bucketBlocks] }

// Scores is where daemons tell each other how links do.
func (q *Queue) Scores() *Bucket { return q.buckets[bucketScores] }

// Control holds what operators want of all daemons.
func (q *Queue) Control() *Bucket { return q.buckets[bucketControl] }

// SMS is the work queue of a route. For one that is neither in Options.Routes nor was added its Pull returns
// an error.
func (q *Queue) SMS(route string) *Consumer { return q.consumer(workSMS + route) }

// Events is the work queue of changes and callbacks.
func (q *Queue) Events() *Consumer { return q.consumer(workEvents) }

// Parked is the work queue of receipts that matched nothing yet.
func (q *Queue) Parked() *Consumer { return q.consumer(workParked) }

func (q *Queue) consumer(bucket string) *Consumer {
	if w := q.named(bucket); w != nil {
		return &Consumer{work: w}
	}
	return &Consumer{err: fmt.Errorf("queue: no work queue %s", bucket)}
}
