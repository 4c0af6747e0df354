package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

func TestCompareAndSetLosesNoUpdate(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		ctx, b := within(t, 20*time.Second), q.Records()
		_, err := b.Create(ctx, "n", []byte("0"), time.Minute)
		must(t, err)
		const writers, each = 8, 25
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for done := 0; done < each; {
					e, err := b.Get(ctx, "n")
					if err != nil {
						t.Error(err)
						return
					}
					n, _ := strconv.Atoi(string(e.Value))
					_, err = b.Update(ctx, "n", []byte(strconv.Itoa(n+1)), time.Minute, e.Revision)
					if err == nil {
						done++
					} else if !errors.Is(err, queue.ErrConflict) {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		e, err := b.Get(ctx, "n")
		must(t, err)
		if string(e.Value) != fmt.Sprint(writers*each) {
			t.Fatalf("counted %s, want %d", e.Value, writers*each)
		}
	})
}

func TestCreateHasOneWinner(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 16 {
		wg.Go(func() {
			_, err := q.Records().Create(context.Background(), "k", []byte("same value"), 0)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !errors.Is(err, queue.ErrConflict) {
				t.Errorf("creator %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Fatalf("%d creators won", won)
	}
}

func TestBucketEntryExpires(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		ctx, b := within(t, 15*time.Second), q.Records()
		rev, err := b.Create(ctx, "k", []byte("1"), time.Second)
		must(t, err)
		// The TTL is that of the last change, not of the first.
		_, err = b.Update(ctx, "k", []byte("2"), 2*time.Second, rev)
		must(t, err)
		began := time.Now()
		await.That(t, "the value expires", func() bool {
			_, err := b.Get(ctx, "k")
			if !errors.Is(err, queue.ErrNotFound) {
				must(t, err)
			}
			return err != nil
		})
		if took := time.Since(began); took < 1500*time.Millisecond || took > 5*time.Second {
			t.Fatalf("expired after %v, want about 2 s", took)
		}
		_, err = b.Create(ctx, "k", []byte("3"), 0)
		must(t, err)
	})
}

func TestCreateAfterDelete(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		createAfterDelete(t, q.Records())
		createAfterDelete(t, q.Tokens())
	})
}

func createAfterDelete(t *testing.T, b *queue.Bucket) {
	ctx := within(t, 10*time.Second)
	for i := range 3 {
		rev, err := b.Create(ctx, "k", []byte{byte(i)}, 0)
		must(t, err)
		if _, err := b.Create(ctx, "k", nil, 0); !errors.Is(err, queue.ErrConflict) {
			t.Fatalf("second create: %v", err)
		}
		must(t, b.Delete(ctx, "k"))
		if _, err := b.Get(ctx, "k"); !errors.Is(err, queue.ErrNotFound) {
			t.Fatalf("get after delete: %v", err)
		}
		if _, err := b.Update(ctx, "k", nil, 0, rev); !errors.Is(err, queue.ErrConflict) {
			t.Fatalf("update after delete: %v", err)
		}
	}
}

// An operator's `nats kv purge` and `nats stream purge --subject` leave other traces than our Delete.
func TestCreateAfterForeignDelete(t *testing.T) {
	t.Parallel()
	url := queuetest.External(t)
	q := queuetest.Open(t, queuetest.URL(url))
	nc, err := nats.Connect(url)
	must(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(t, err)
	ctx := within(t, 10*time.Second)
	kv, err := js.KeyValue(ctx, "token")
	must(t, err)
	stream, err := js.Stream(ctx, "KV_token")
	must(t, err)
	for name, remove := range map[string]func() error{
		"kv-delete": func() error { return kv.Delete(ctx, "kv-delete") },
		"kv-purge":  func() error { return kv.Purge(ctx, "kv-purge") },
		"purge":     func() error { return stream.Purge(ctx, jetstream.WithPurgeSubject("$KV.token.purge")) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := q.Tokens().Create(ctx, name, []byte("1"), 0)
			must(t, err)
			must(t, remove())
			if _, err := q.Tokens().Get(ctx, name); !errors.Is(err, queue.ErrNotFound) {
				t.Fatalf("get: %v", err)
			}
			_, err = q.Tokens().Create(ctx, name, []byte("2"), 0)
			must(t, err)
		})
	}
}

// TestAbsenceIsCertain: what one daemon has stored is found by another right behind it, in the log and beside
// it, though that one may not have heard of it yet.
func TestAbsenceIsCertain(t *testing.T) {
	t.Parallel()
	url := queuetest.External(t)
	writer, reader := queuetest.Open(t, queuetest.URL(url)), queuetest.Open(t, queuetest.URL(url))
	ctx := within(t, 60*time.Second)
	for name, of := range map[string]func(*queue.Queue) *queue.Bucket{
		"records": (*queue.Queue).Records, "receipts": (*queue.Queue).Receipts, "holds": (*queue.Queue).Holds,
		"tokens": (*queue.Queue).Tokens, "endpoints": (*queue.Queue).Endpoints, "answers": (*queue.Queue).Answers,
	} {
		for i := range 100 {
			key := fmt.Sprint(name, i)
			_, err := of(writer).Create(ctx, key, []byte("a"), 0)
			must(t, err)
			if _, err := of(reader).Get(ctx, key); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
}

func TestDeleteRevision(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	ctx, b := within(t, 10*time.Second), q.Holds()
	rev, err := b.Put(ctx, "k", []byte("1"), 0)
	must(t, err)
	rev2, err := b.Put(ctx, "k", []byte("2"), 0)
	must(t, err)
	if err := b.DeleteRevision(ctx, "k", rev); !errors.Is(err, queue.ErrConflict) {
		t.Fatalf("old revision: %v", err)
	}
	must(t, b.DeleteRevision(ctx, "k", rev2))
	if _, err := b.Get(ctx, "k"); !errors.Is(err, queue.ErrNotFound) {
		t.Fatalf("get: %v", err)
	}
	must(t, b.Delete(ctx, "never"))
}

func TestFullBucketStillChanges(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t, queuetest.WithBounds(queue.Bounds{Records: queue.Bound{Msgs: 3}}))
	ctx, b := within(t, 10*time.Second), q.Records()
	var rev uint64
	for _, k := range []string{"a", "b", "c"} {
		var err error
		rev, err = b.Create(ctx, k, []byte("1"), 0)
		must(t, err)
	}
	if _, err := b.Create(ctx, "d", nil, 0); !errors.Is(err, queue.ErrFull) {
		t.Fatalf("create over the limit: %v", err)
	}
	_, err := b.Update(ctx, "c", []byte("a longer value than before"), time.Minute, rev)
	must(t, err)
	must(t, b.Delete(ctx, "c"))
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	for _, key := range []string{"", " ", "a b", "*", "a.>", ".a", "a.", "a..b", "é", "a\x00"} {
		if _, err := q.Tokens().Put(context.Background(), key, nil, 0); !errors.Is(err, queue.ErrName) {
			t.Errorf("key %q: %v", key, err)
		}
	}
	for _, key := range []string{"", strings.Repeat("k", 257)} {
		if _, err := q.Records().Put(context.Background(), key, nil, 0); !errors.Is(err, queue.ErrName) {
			t.Errorf("key %q of the log: %v", key, err)
		}
	}
}

func FuzzToken(f *testing.F) {
	for _, s := range []string{"", "a", "=", "a.b", "ID 00 ", "\x00\xff", "=2E"} {
		f.Add(s, s+"x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := queue.Token(a), queue.Token(b)
		if (a == b) != (x == y) {
			t.Fatalf("%q and %q give %q and %q", a, b, x, y)
		}
		for _, c := range x {
			if c <= ' ' || c >= 0x7f || c == '.' || c == '*' || c == '>' {
				t.Fatalf("%q gives %q", a, x)
			}
		}
	})
}

// Latest sees what was written just now, and no deleted key.
func TestLatest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		ctx, b := within(t, 20*time.Second), q.Tokens()
		if _, err := b.Latest(ctx, "k"); !errors.Is(err, queue.ErrNotFound) {
			t.Fatalf("nothing there: %v", err)
		}
		rev, err := b.Create(ctx, "k", []byte("v"), time.Minute)
		must(t, err)
		e, err := b.Latest(ctx, "k")
		must(t, err)
		if string(e.Value) != "v" || e.Revision != rev {
			t.Fatalf("%+v", e)
		}
		must(t, b.Delete(ctx, "k"))
		if _, err := b.Latest(ctx, "k"); !errors.Is(err, queue.ErrNotFound) {
			t.Fatalf("deleted: %v", err)
		}
	})
}

// TestAgeOfBucket: what is stored without a time of its own goes with the bucket's age, in memory and on
// disk.
func TestAgeOfBucket(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t, func(o *queue.Options) { o.Bounds.Receipts.Age, o.Bounds.Holds.Age = time.Second, time.Second })
	ctx := context.Background()
	_, err := q.Receipts().Create(ctx, "created", []byte("1"), 0)
	must(t, err)
	_, err = q.Receipts().Put(ctx, "longer", []byte("1"), time.Hour)
	must(t, err)
	must(t, q.Commit(ctx, q.Begin().Put(q.Holds(), "hold", []byte("1"), 0)))
	gone := func(b *queue.Bucket, key string) bool {
		_, err := b.Get(ctx, key)
		return errors.Is(err, queue.ErrNotFound)
	}
	await.That(t, "both expire", func() bool { return gone(q.Receipts(), "created") && gone(q.Holds(), "hold") })
	if gone(q.Receipts(), "longer") {
		t.Error("what has a time of its own went with the bucket's")
	}
}
