package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// TestOlderStore: a store with streams of the version before the log is refused while messages wait there,
// with what to do; else its entries are handed over, and its streams go.
func TestOlderStore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	open := func(messages ...string) *Queue {
		q, err := Open(ctx, Options{Dir: t.TempDir(), Patience: await.Patience, Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = q.Close(ctx) })
		for name, subject := range map[string]string{"SMS": "older.sms", olderRecords: "$KV.otp.>", olderReceipts: "$KV.receipt.>"} {
			if _, err := q.streams[0].CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{subject}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range messages {
			subject, data, _ := strings.Cut(m, " ")
			if _, err := q.streams[0].Publish(ctx, subject, []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
		return q
	}
	q := open("older.sms ballast", "older.sms waits", "$KV.otp.a 1")
	if err := q.lookForOlder(ctx); !errors.Is(err, ErrOlder) || !strings.Contains(err.Error(), "1 in SMS") {
		t.Fatalf("%v", err)
	}

	q = open("older.sms ballast", "$KV.otp.a 1", "$KV.otp.b 2", "$KV.otp.c 3", "$KV.receipt.l.77 [...]")
	if err := q.lookForOlder(ctx); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	fail := true
	record := func(_ context.Context, id string, value []byte) error {
		switch {
		case id == "b" && fail:
			return ErrUnavailable
		case id == "c":
			return ErrConflict // it was taken over before
		}
		got[id] = string(value)
		return nil
	}
	if _, err := q.TakeOver(ctx, record); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("%v", err)
	}
	fail = false
	n, err := q.TakeOver(ctx, record)
	if err != nil || n != 2 || fmt.Sprint(got) != "map[a:1 b:2]" {
		t.Errorf("%d taken: %v, %v", n, got, err)
	}
	if e, err := q.Receipts().Get(ctx, "l.77"); err != nil || string(e.Value) != "[...]" {
		t.Errorf("receipt: %q, %v", e.Value, err)
	}
	for _, name := range []string{"SMS", olderRecords, olderReceipts} {
		if _, err := q.streams[0].Stream(ctx, name); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("stream %s: %v", name, err)
		}
	}
	if n, err := q.TakeOver(ctx, record); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}
