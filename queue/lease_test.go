package queue

import (
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// TestLeaseThatRanOut: a daemon whose lease is over by the log's clock is given a moment, for after a time in
// which nothing could be stored all leases are over at once and their renewals are on their way; one that
// took its lease back is gone at once. It holds while the log is being read too, when there is no clock yet.
func TestLeaseThatRanOut(t *testing.T) {
	q := &Queue{log: zerolog.Nop(), schedule: newSchedule()}
	defer q.schedule.stop()
	d := newDaemons(q)
	q.daemons = d
	left := make(chan string, 10)
	d.onLeft = func(daemon string) { left <- daemon }
	lease := commitlog.Change{Key: "other"}
	over := commitlog.Change{Key: "other", Gone: true, Over: true}

	d.changed(lease)
	d.changed(over)
	d.changed(lease) // renewed right behind
	d.changed(commitlog.Change{Key: "third"})
	begun := time.Now()
	d.changed(commitlog.Change{Key: "third", Gone: true, Over: true})
	if who := <-left; who != "third" || time.Since(begun) < leaseGrace {
		t.Errorf("%s has left after %s", who, time.Since(begun))
	}
	d.changed(commitlog.Change{Key: "other", Gone: true})
	select {
	case who := <-left:
		if who != "other" {
			t.Errorf("%s has left", who)
		}
	default:
		t.Error("a daemon that took its lease back is not gone at once")
	}
}
