package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/otpgw/otpgw/queue/backoff"
)

// Names of streams; they are part of the contract with operators (nats stream ls) and with other daemons.
const (
	streamLog       = "LOG"
	streamEndpoints = "KV_endpoint"
	streamTokens    = "KV_token"
	streamAnswers   = "KV_answer"
	streamGuard     = "KV_guard"
	streamRate      = "RATE"
	streamKeys      = "KV_key"
	streamDead      = "DLQ"
)

// logSubject is the one subject of the log.
const logSubject = "otpgw.log"

// assetTimeout bounds one request to make a stream; a replicated one has to elect a leader.
const assetTimeout = 5 * time.Second

const (
	day = 24 * time.Hour
	mib = int64(1) << 20
	gib = int64(1) << 30
)

// deadShare: no kind of dead letters, and no group of a kind, takes more than this fraction of them.
const deadShare = 4

// layout is the version of what config says, kept with each stream: raised whenever that changes for other
// reasons than an option. A daemon leaves a stream of a newer layout as it is.
const (
	layout    = 1
	layoutKey = "otpgw-layout"
)

// form is what kind of stream an asset is.
type form int

const (
	ledgerForm form = iota // the log, see package commitlog
	bucketForm             // one message per subject, direct gets
	logForm                // the oldest go when it is full
	countForm              // one sum per subject, in memory; see Count
)

// asset is one stream.
type asset struct {
	name     string
	subjects []string
	form     form
	discard  jetstream.DiscardPolicy
	bound    Bound
	dedupe   time.Duration // how long a message id is remembered
	later    bool          // a write is answered before it is on the disk, however often others are synced
}

// assets is the whole inventory of streams. Bounds are defaults; o.Bounds overrides them field by field.
func assets(o Options) []asset {
	b := o.Bounds
	return []asset{
		// Full: everything is refused. Before that, at four fifths, POST /otp is. Snapshots take its
		// beginning away, so it is about twice as large as what is in it.
		{name: streamLog, subjects: []string{logSubject}, form: ledgerForm, discard: jetstream.DiscardNew, bound: b.Log.or(-1, 8*gib, 0), dedupe: 2 * time.Minute},
		// Full: the URL disabled longest ago is tried again.
		{name: streamEndpoints, form: bucketForm, discard: jetstream.DiscardOld, bound: b.Endpoints.or(100_000, 64*mib, 0)},
		// Full: the oldest access tokens go, and their clients ask for others.
		{name: streamTokens, form: bucketForm, discard: jetstream.DiscardOld, bound: b.Tokens.or(1_000_000, 256*mib, 26*day/24)},
		// Full: POST /otp with an Idempotency-Key is refused; to let it in would be to send twice.
		{name: streamAnswers, form: bucketForm, discard: jetstream.DiscardNew, bound: b.Answers.or(2_000_000, 3*gib, 26*day/24)},
		// Full: the prefixes heard of least lately are forgotten. A daemon that is killed takes a second of
		// counts with it anyway, and where hardly two numbers share a prefix there is a write for each OTP. Of a
		// server that others use its end would take more: what daemons know to be stored.
		{name: streamGuard, form: bucketForm, discard: jetstream.DiscardOld, bound: b.Guard.or(1_000_000, 512*mib, 15*day), later: o.URL == ""},
		// One sum a second and application; the age is longer than the longest window, that of the lowest
		// rate.
		{name: streamRate, subjects: []string{"rate.*.*"}, form: countForm, discard: jetstream.DiscardOld, bound: Bound{100_000, 16 * mib, 2 * time.Hour}},
		// One entry, see Keys.
		{name: streamKeys, form: bucketForm, discard: jetstream.DiscardNew, bound: Bound{64, mib, 0}},
		// Full: the oldest dead letters go; see also deadShare.
		{name: streamDead, subjects: []string{"dlq.*", "dlq.*.*"}, form: logForm, discard: jetstream.DiscardOld,
			bound: b.DeadLetters.or(100_000, 512*mib, 30*day), dedupe: 2 * time.Minute},
	}
}

// or fills what is zero.
func (b Bound) or(msgs, bytes int64, age time.Duration) Bound {
	if b.Msgs == 0 {
		b.Msgs = msgs
	}
	if b.Bytes == 0 {
		b.Bytes = bytes
	}
	if b.Age == 0 {
		b.Age = age
	}
	return b
}

// refuses: at its bound the asset takes nothing new.
func (a asset) refuses() bool { return a.discard == jetstream.DiscardNew }

// config is the asset as the server wants it.
func (a asset) config(replicas int) jetstream.StreamConfig {
	c := jetstream.StreamConfig{Name: a.name, Subjects: a.subjects, Storage: jetstream.FileStorage, Replicas: replicas,
		Discard: a.discard, MaxMsgs: a.bound.Msgs, MaxBytes: a.bound.Bytes, MaxAge: a.bound.Age, Duplicates: a.dedupe,
		AllowDirect: true, AllowMsgTTL: true, Retention: jetstream.LimitsPolicy, Metadata: map[string]string{layoutKey: strconv.Itoa(layout)}}
	if a.later {
		c.PersistMode = jetstream.AsyncPersistMode
	}
	switch a.form {
	case bucketForm:
		c.Subjects = []string{bucketPrefix(a.name) + ">"}
		c.MaxMsgsPerSubject = 1
		c.AllowRollup = true // for `nats kv purge`
	case ledgerForm:
		c.AllowMsgTTL = false
	case logForm:
		c.MaxMsgsPerSubject = max(a.bound.Msgs/deadShare, 1)
	case countForm:
		c.Storage = jetstream.MemoryStorage
		c.AllowMsgCounter, c.AllowMsgTTL = true, false // the server allows one of them
		c.MaxMsgsPerSubject = 1
	}
	return c
}

// apply makes every asset, or updates those that an older version made. A cluster that has just started may
// have no leader, or not all peers, for a while.
func (q *Queue) apply(ctx context.Context, replicas int) error {
	for _, a := range q.assets {
		err := q.patiently(ctx, func(ctx context.Context) error { return q.applyOne(ctx, a.config(replicas)) })
		if isFull(err) || apiCode(err) == codeNoPeers {
			return fmt.Errorf("queue: stream %s (%d MiB, %d replicas): %w; the store asks for %d MiB of each server, OTPGW_STORE_SIZE for less", a.name,
				a.bound.Bytes/mib, replicas, err, (sizeOf(q.assets)-snapshotBound-coldBound+q.snapshotBound)/mib)
		}
		if err != nil {
			return fmt.Errorf("queue: stream %s (%d MiB, %d replicas): %w", a.name, a.bound.Bytes/mib, replicas, err)
		}
	}
	return nil
}

func (q *Queue) applyOne(ctx context.Context, c jetstream.StreamConfig) error {
	there, err := q.streams[0].Stream(ctx, c.Name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
	case err != nil:
		return err
	default:
		if n, err := strconv.Atoi(there.CachedInfo().Config.Metadata[layoutKey]); err == nil && n > layout {
			q.log.Info().Str("stream", c.Name).Int("layout", n).Msg("a newer version of this program has set the stream up; it stays as it is")
			return nil
		}
		c.PersistMode = there.CachedInfo().Config.PersistMode // which stays as a stream was made
	}
	_, err = q.streams[0].CreateOrUpdateStream(ctx, c)
	return err
}

// patiently repeats a request to the cluster's leader until ctx ends, and says now and then what it waits
// for.
func (q *Queue) patiently(ctx context.Context, request func(context.Context) error) error {
	for said := time.Now(); ; {
		attempt, cancel := context.WithTimeout(ctx, assetTimeout)
		err := request(attempt)
		cancel()
		if err == nil || !isTransient(err) && apiCode(err) != codeNoPeers {
			return err
		}
		if time.Since(said) >= waitingEvery {
			said = time.Now()
			q.log.Warn().Err(err).Msg("waiting for the NATS server's JetStream to answer; a cluster needs most of its servers for that")
		}
		if backoff.Sleep(ctx, longestPause) != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}
