package link_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestBulkDelaysNobodysLogin: very many messages of one application wait on a link of 50 parts per second;
// another application's goes out within a second. OTPGW_TEST_BULK=20000 makes them as many as the report had.
func TestBulkDelaysNobodysLogin(t *testing.T) {
	t.Parallel()
	bulk := 1000
	if v, err := strconv.Atoi(os.Getenv("OTPGW_TEST_BULK")); err == nil {
		bulk = v
	}
	login := make(chan time.Time, 1)
	r := newRig(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		if s.To == "46709999999" {
			login <- time.Now()
		}
		return smsc.Outcome{NoReceipt: true}
	}})
	put := func(app, id, to string) {
		m := queue.Outbound{ID: id, Ref: "otp-" + id, Route: queuetest.Route, From: "Verify", To: to, App: app, Text: []byte("code"),
			Created: time.Now(), Expires: time.Now().Add(10 * time.Minute)}
		if err := r.q.PublishSMS(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
	next := make(chan int)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := range next {
				put("bulk", fmt.Sprint("bulk", i), fmt.Sprintf("+4670%07d", i))
			}
		})
	}
	for i := range bulk {
		next <- i
	}
	close(next)
	all.Wait()
	l, _ := r.start(r.config(func(c *link.Config) { c.TPS, c.Window = 50, 100 }))
	r.up(l)
	<-r.sink.accepted // the bulk is on its way
	for n := range 3 {
		began := time.Now()
		put("bank", fmt.Sprint("login", n), "+46709999999")
		select {
		case at := <-login:
			if took := at.Sub(began); took > time.Second {
				t.Errorf("with %d messages of another application waiting it went out after %s", bulk, took)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("it was not sent")
		}
	}
}
