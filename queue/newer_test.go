package queue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/internal/commitlog"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestNewerBatchStopsTheDaemon: a daemon that meets a batch of a newer format in the log stops, one that would
// meet it is not started, and both say why.
func TestNewerBatchStopsTheDaemon(t *testing.T) {
	t.Parallel()
	url := queuetest.External(t)
	q := queuetest.Open(t, queuetest.URL(url))
	nc, err := nats.Connect(url)
	must(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(t, err)
	_, err = js.Publish(within(t, 20*time.Second), "otpgw.log", []byte{commitlog.Format + 1, 1, 2, 3})
	must(t, err)
	clear := func(err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "a batch of a newer format; this program is too old to apply it") {
			t.Errorf("%v", err)
		}
	}
	select {
	case <-q.Ended():
		clear(q.Err())
	case <-time.After(20 * time.Second):
		t.Error("the daemon goes on")
	}
	_, err = q.Records().Get(within(t, 20*time.Second), "k")
	clear(err)
	late, err := queue.Open(within(t, 20*time.Second), queuetest.Options(t, queuetest.URL(url)))
	if err == nil {
		_ = late.Close(context.Background())
	}
	clear(err)
}
