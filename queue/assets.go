package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Names of streams; they are part of the contract with operators (nats stream ls) and with other daemons.
const (
	streamRecords   = "KV_otp"
	streamReceipts  = "KV_receipt"
	streamEndpoints = "KV_endpoint"
	streamHolds     = "KV_hold"
	streamTokens    = "KV_token"
	streamAnswers   = "KV_answer"
	streamLimits    = "KV_limit"
	streamGuard     = "KV_guard"
	streamRate      = "RATE"
	streamProbe     = "KV_probe"
	streamKeys      = "KV_key"
	streamSMS       = "SMS"
	streamEvents    = "EVENTS"
	streamParked    = "PARKED"
	streamTimers    = "TIMERS"
	streamDead      = "DLQ"
)

// The priority group of the SMS consumers; the protocol wants one, and one is enough.
const priorityGroup = "links"

// assetTimeout bounds one request to make a stream; a replicated one has to elect a leader.
const assetTimeout = 5 * time.Second

const (
	day = 24 * time.Hour
	mib = int64(1) << 20
	gib = int64(1) << 30
)

// deadShare: no kind of dead letters, and no group of a kind, takes more than this fraction of them.
const deadShare = 4

// form is what kind of stream an asset is.
type form int

const (
	bucketForm form = iota // one message per subject, direct gets
	workForm               // gone when acknowledged
	timerForm              // a work queue with schedules, which forbid DiscardNew
	logForm                // the oldest go when it is full
	countForm              // one sum per subject, in memory; see Count
)

// asset is one stream and the consumers on it.
type asset struct {
	name      string
	subjects  []string
	form      form
	discard   jetstream.DiscardPolicy
	limit     Limit
	dedupe    time.Duration // how long a message id is remembered
	ballast   bool          // never empty, see ballast.go
	consumers []jetstream.ConsumerConfig
}

// assets are those of the given options. In the embedded server the work queues have ballast, see ballast.go.
func assets(o Options) []asset {
	list := inventory(o)
	for i := range list {
		list[i].ballast = o.URL == "" && (list[i].form == workForm || list[i].form == timerForm)
	}
	return list
}

// inventory is the whole inventory. Limits are defaults; o.Limits overrides them field by field.
//
// Bytes allow about 1,200 for a record, 200 for a receipt, 1,000 for an SMS; so the count is what fills first, and a
// change to an existing record, which replaces a message, still fits when no new one does.
func inventory(o Options) []asset {
	l := o.Limits
	records := l.Records.or(5_000_000, 6*gib, 26*day/24)
	events := l.Events.or(2_000_000, 4*gib, 4*day)
	parked := l.Parked.or(500_000, 256*mib, 3*day)
	return []asset{
		// Full: POST /otp is refused. Age is a backstop, each record has its own TTL.
		{name: streamRecords, form: bucketForm, discard: jetstream.DiscardNew, limit: records},
		// Full: the oldest message ids go. Refusing the new one would leave an SMS that was sent unacknowledged,
		// and so send it again.
		{name: streamReceipts, form: bucketForm, discard: jetstream.DiscardOld, limit: l.Receipts.or(10_000_000, 2*gib, 3*day)},
		// Full: the URL disabled longest ago is tried again.
		{name: streamEndpoints, form: bucketForm, discard: jetstream.DiscardOld, limit: l.Endpoints.or(100_000, 64*mib, 0)},
		// Full: callbacks wait. The age is past the last retry of a callback (75.6 h).
		{name: streamHolds, form: bucketForm, discard: jetstream.DiscardNew, limit: l.Holds.or(1_000_000, 256*mib, 4*day)},
		// Full: the oldest access tokens go, and their clients ask for others.
		{name: streamTokens, form: bucketForm, discard: jetstream.DiscardOld, limit: l.Tokens.or(1_000_000, 256*mib, 26*day/24)},
		// Full: POST /otp with an Idempotency-Key is refused; to let it in would be to send twice.
		{name: streamAnswers, form: bucketForm, discard: jetstream.DiscardNew, limit: l.Answers.or(2_000_000, 3*gib, 26*day/24)},
		// Full: the numbers heard of least lately are forgotten, and may be sent to as if for the first time.
		{name: streamLimits, form: bucketForm, discard: jetstream.DiscardOld, limit: l.Numbers.or(5_000_000, gib, 32*day)},
		// Full: the prefixes heard of least lately are forgotten.
		{name: streamGuard, form: bucketForm, discard: jetstream.DiscardOld, limit: l.Guard.or(1_000_000, 512*mib, 15*day)},
		// One sum a second and application; the age is longer than the longest window, that of the lowest rate.
		{name: streamRate, subjects: []string{"rate.*.*"}, form: countForm, discard: jetstream.DiscardOld, limit: Limit{100_000, 16 * mib, 2 * time.Hour}},
		// One entry, see Keys.
		{name: streamKeys, form: bucketForm, discard: jetstream.DiscardNew, limit: Limit{64, mib, 0}},
		{name: streamProbe, form: bucketForm, discard: jetstream.DiscardOld, limit: Limit{64, mib, time.Hour}},
		// Full: POST /otp is refused. A PIN lives half an hour at most, and so does its message.
		{name: streamSMS, subjects: []string{"sms.*"}, form: workForm, discard: jetstream.DiscardNew,
			limit: l.SMS.or(500_000, 512*mib, time.Hour), dedupe: 2 * time.Minute, consumers: routeConsumers(o.Routes)},
		// Full: a change that wants a callback is refused. A message id is remembered for less time than the dispatcher
		// keeps an intent whose change did not come (30 s), else the intent published again would be taken for the
		// dropped one and the callback lost.
		{name: streamEvents, subjects: []string{"events.item.*", "events.batch.*"}, form: workForm, discard: jetstream.DiscardNew,
			limit: events, dedupe: 10 * time.Second, consumers: []jetstream.ConsumerConfig{
				{Durable: "dispatch", FilterSubjects: []string{"events.item.*", "events.batch.*"}, AckWait: time.Minute, MaxAckPending: int(events.Msgs)}}},
		// Full: the receipt is answered with a temporary error and the SMSC keeps it.
		{name: streamParked, subjects: []string{"parked.*"}, form: workForm, discard: jetstream.DiscardNew,
			limit: parked, dedupe: 2 * time.Minute, consumers: []jetstream.ConsumerConfig{
				{Durable: "match", FilterSubject: "parked.*", AckWait: 30 * time.Second, MaxAckPending: int(parked.Msgs)}}},
		// As many as records: one timer each, so it does not fill before they do.
		{name: streamTimers, subjects: []string{"timer.*", "expire.*"}, form: timerForm, discard: jetstream.DiscardOld,
			limit: l.Timers.or(records.Msgs, 2*gib, 2*day), dedupe: 30 * time.Second, consumers: []jetstream.ConsumerConfig{
				{Durable: "expire", FilterSubject: "expire.*", AckWait: 30 * time.Second, MaxAckPending: 10_000}}},
		// Full: the oldest dead letters go; see also deadShare.
		{name: streamDead, subjects: []string{"dlq.*", "dlq.*.*"}, form: logForm, discard: jetstream.DiscardOld,
			limit: l.DeadLetters.or(100_000, 512*mib, 30*day), dedupe: 2 * time.Minute},
	}
}

// routeConsumers makes one work queue per route. A pull of priority 5 gets messages only while none of priority 0
// waits: the failover between a route's links.
func routeConsumers(routes []string) []jetstream.ConsumerConfig {
	var cs []jetstream.ConsumerConfig
	for _, r := range routes {
		cs = append(cs, jetstream.ConsumerConfig{Durable: "route-" + r, FilterSubject: "sms." + r, AckWait: time.Minute,
			MaxAckPending: 20_000, PriorityPolicy: jetstream.PriorityPolicyPrioritized, PriorityGroups: []string{priorityGroup}})
	}
	return cs
}

// or fills what is zero.
func (l Limit) or(msgs, bytes int64, age time.Duration) Limit {
	if l.Msgs == 0 {
		l.Msgs = msgs
	}
	if l.Bytes == 0 {
		l.Bytes = bytes
	}
	if l.Age == 0 {
		l.Age = age
	}
	return l
}

// refuses: at its limit the asset takes nothing new.
func (a asset) refuses() bool { return a.discard == jetstream.DiscardNew }

// config is the asset as the server wants it.
func (a asset) config(replicas int) jetstream.StreamConfig {
	c := jetstream.StreamConfig{Name: a.name, Subjects: a.subjects, Storage: jetstream.FileStorage, Replicas: replicas,
		Discard: a.discard, MaxMsgs: a.limit.Msgs, MaxBytes: a.limit.Bytes, MaxAge: a.limit.Age, Duplicates: a.dedupe,
		AllowDirect: true, AllowMsgTTL: true, Retention: jetstream.WorkQueuePolicy}
	if a.ballast {
		c.Subjects = append(slices.Clone(a.subjects), a.ballastSubject())
		c.AllowRollup = true
		c.MaxMsgs++
	}
	switch a.form {
	case bucketForm:
		c.Retention = jetstream.LimitsPolicy
		c.Subjects = []string{bucketPrefix(a.name) + ">"}
		c.MaxMsgsPerSubject = 1
		c.AllowRollup = true // for `nats kv purge`
	case timerForm:
		c.AllowMsgSchedules = true
	case logForm:
		c.Retention = jetstream.LimitsPolicy
		c.MaxMsgsPerSubject = max(a.limit.Msgs/deadShare, 1)
	case countForm:
		c.Retention, c.Storage = jetstream.LimitsPolicy, jetstream.MemoryStorage
		c.AllowMsgCounter, c.AllowMsgTTL = true, false // the server allows one of them
		c.MaxMsgsPerSubject = 1
	}
	return c
}

// apply makes or updates every asset. A cluster that has just started may have no leader, or not all peers, for a while.
func (q *Queue) apply(ctx context.Context, replicas int) error {
	js := q.streams[0]
	for _, a := range q.assets {
		err := q.patiently(ctx, func(ctx context.Context) error {
			_, err := js.CreateOrUpdateStream(ctx, a.config(replicas))
			return err
		})
		if err != nil {
			return fmt.Errorf("queue: stream %s (%d MiB, %d replicas): %w", a.name, a.limit.Bytes/mib, replicas, err)
		}
		for _, c := range a.consumers {
			err := q.patiently(ctx, func(ctx context.Context) error {
				if err := q.forgetDeliveries(ctx, js, a.name, c.Durable); err != nil {
					return err
				}
				_, err := js.CreateOrUpdateConsumer(ctx, a.name, consumerConfig(c))
				return err
			})
			if err != nil {
				return fmt.Errorf("queue: consumer %s of stream %s: %w", c.Durable, a.name, err)
			}
		}
	}
	return nil
}

// forgetDeliveries makes what the embedded server had handed out when it ended come again at once. Who had it was this
// process, and is gone; but the server remembers the deliveries, not that they were given back, and would wait a whole
// AckWait, which is long for somebody who waits for a PIN. The messages stay, only the consumer's memory goes.
func (q *Queue) forgetDeliveries(ctx context.Context, js jetstream.JetStream, stream, durable string) error {
	if q.server == nil {
		return nil
	}
	err := js.DeleteConsumer(ctx, stream, durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil
	}
	return err
}

// patiently repeats a request to the cluster's leader until ctx ends.
func (q *Queue) patiently(ctx context.Context, request func(context.Context) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, assetTimeout)
		err := request(attempt)
		cancel()
		if err == nil || !isTransient(err) && apiCode(err) != codeNoPeers {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		case <-time.After(longestPause):
		}
	}
}

// consumerConfig adds what all consumers have. A message past MaxDeliver would be stuck in a work queue for ever, so
// there is none: who consumes decides when to give up, and dead-letters.
func consumerConfig(c jetstream.ConsumerConfig) jetstream.ConsumerConfig {
	c.AckPolicy = jetstream.AckExplicitPolicy
	c.MaxDeliver = -1
	return c
}
