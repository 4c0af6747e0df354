package queue_test

import (
	"context"
	"strconv"
	"testing"
	"time"

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
