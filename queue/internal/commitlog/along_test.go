package commitlog

import (
	"context"
	"testing"
	"time"
)

// What nobody waits for is stored with what somebody waits for, in one append; and by itself when nothing
// comes.
func TestAlong(t *testing.T) {
	onBothKinds(t, func(t *testing.T, kind func(*Options)) {
		m := newMemory()
		l := open(t, m, kind)
		commit(t, l, Op{Bucket: "a", Key: "first", Value: []byte("1")})
		along := func(key string) chan error {
			w, err := l.begin(context.Background(), Tx{{Bucket: "a", Key: key, Value: []byte("1")}}, false)
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				_, err := l.wait(within(t, 10*time.Second), w)
				done <- err
			}()
			return done
		}
		alone := along("alone")
		if err := <-alone; err != nil {
			t.Fatal(err)
		}
		want(t, l, "a", "alone", "1")

		shared := false
		for range 100 { // one may be overtaken by its own time
			_, before, _ := m.Bounds(context.Background())
			with := along("with")
			commit(t, l, Op{Bucket: "a", Key: "hurried", Value: []byte("1")})
			if err := <-with; err != nil {
				t.Fatal(err)
			}
			if _, after, _ := m.Bounds(context.Background()); after == before+1 {
				shared = true
				break
			}
		}
		if !shared {
			t.Error("they were never stored together")
		}
		want(t, l, "a", "with", "1")

		last := along("last")
		l.Close(within(t, 10*time.Second))
		if err := <-last; err != nil {
			t.Errorf("at the close: %v", err)
		}
	})
}
