package queue

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// TestGuardIsWrittenLater: of the streams of an embedded store only the guard's is not synced with each write, so
// what it was written since the start is not noted as stored; one that was made otherwise, by an older version,
// stays so and is used.
func TestGuardIsWrittenLater(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), Log: zerolog.Nop(), SyncAlways: true}
	mode := func(name string) jetstream.PersistModeType {
		q, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close(context.Background())
		if _, err := q.Guard().Put(t.Context(), "key", []byte("value"), 0); err != nil {
			t.Error(err)
		}
		before := q.marker.found[streamGuard]
		if q.noteOthers(false); q.marker.mark.Others[streamGuard] != before {
			t.Errorf("noted up to %d, of which %d were there at the start", q.marker.mark.Others[streamGuard], before)
		}
		s, err := q.streams[0].Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config.PersistMode
	}
	for _, a := range assets(o) {
		want := jetstream.DefaultPersistMode
		if a.name == streamGuard {
			want = jetstream.AsyncPersistMode
		}
		if got := mode(a.name); got != want {
			t.Errorf("%s: %s, want %s", a.name, got, want)
		}
	}
	q, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.streams[0].DeleteStream(t.Context(), streamGuard); err != nil {
		t.Fatal(err)
	}
	older := assets(Options{URL: "nats://127.0.0.1"})
	for _, a := range older {
		if a.name == streamGuard {
			if err := q.applyOne(t.Context(), a.config(1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := q.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := mode(streamGuard); got != jetstream.DefaultPersistMode {
		t.Errorf("one of an older version: %s", got)
	}
}
