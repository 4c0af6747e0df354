package queue_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

var value = make([]byte, 400)

func BenchmarkCreate(b *testing.B) {
	q := queuetest.Open(b)
	for i := 0; b.Loop(); i++ {
		_, err := q.Records().Create(context.Background(), strconv.Itoa(i), value, time.Hour)
		must(b, err)
	}
}

func BenchmarkGet(b *testing.B) {
	q := queuetest.Open(b)
	_, err := q.Records().Create(context.Background(), "k", value, time.Hour)
	must(b, err)
	for b.Loop() {
		_, err := q.Records().Get(context.Background(), "k")
		must(b, err)
	}
}

func BenchmarkUpdate(b *testing.B) {
	q := queuetest.Open(b)
	rev, err := q.Records().Create(context.Background(), "k", value, time.Hour)
	must(b, err)
	for b.Loop() {
		rev, err = q.Records().Update(context.Background(), "k", value, time.Hour, rev)
		must(b, err)
	}
}

func BenchmarkPublish(b *testing.B) {
	q := queuetest.Open(b)
	for b.Loop() {
		must(b, q.Publish(context.Background(), queue.Message{Subject: "parked.bench", Group: "bench", Data: value, TTL: time.Second}))
	}
}

func BenchmarkPublishParallel(b *testing.B) {
	q := queuetest.Open(b)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			must(b, q.Publish(context.Background(), queue.Message{Subject: "parked.bench", Group: "bench", Data: value, TTL: time.Second}))
		}
	})
}

func BenchmarkPullAck(b *testing.B) {
	q := queuetest.Open(b)
	for range b.N {
		must(b, q.Publish(context.Background(), queue.Message{Subject: "parked.x", Data: value}))
	}
	p := pull(b, q.Parked(), 100, 0)
	b.ResetTimer()
	for range b.N {
		must(b, next(b, p, 10*time.Second).Ack(context.Background()))
	}
}

// BenchmarkOTP does what the store does for one OTP, of which 100 are under way: its limits are looked at; it
// is stored with its timer and its message; the message is sent; and a change of it is told and taken off.
func BenchmarkOTP(b *testing.B) {
	q := queuetest.Open(b)
	sent, told := pull(b, q.SMS(queuetest.Route), 100, 0), pull(b, q.Events(), 100, 0)
	b.SetParallelism(50)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			storeOTP(b, q)
			sendOTP(b, q, sent, told)
		}
	})
}

func storeOTP(b *testing.B, q *queue.Queue) {
	id := uuid.NewString()
	name := strings.ReplaceAll(id, "-", "") // as long as one of seal.Box
	for _, limit := range []string{"a", "b", "c"} {
		if _, err := q.Numbers().Near(limit + name); !errors.Is(err, queue.ErrNotFound) {
			b.Error(err)
		}
	}
	must(b, q.Commit(context.Background(), q.Begin().Create(q.Records(), id, value, time.Hour).Put(q.Numbers(), "a"+name, value[:40], time.Hour).
		Timer(id, q.Now().Add(time.Hour), nil).SMS(sms(id))))
}

// sendOTP may be of another OTP than storeOTP before it.
func sendOTP(b *testing.B, q *queue.Queue, sent, told *queue.Puller) {
	ctx := context.Background()
	d, err := sent.Next(ctx)
	must(b, err)
	record, err := q.Records().Get(ctx, d.Key)
	must(b, err)
	change := q.Begin().Done(d).Update(q.Records(), d.Key, value, time.Hour, record.Revision)
	must(b, q.Commit(ctx, change))
	event := queue.Message{Subject: "events.x", Group: "bench", Data: value[:100]}
	must(b, q.Commit(ctx, q.Begin().Update(q.Records(), d.Key, value, time.Hour, change.Revision()).NoTimer(d.Key).Message(event)))
	e, err := told.Next(ctx)
	must(b, err)
	must(b, q.Commit(ctx, q.Begin().Along().Done(e)))
}
