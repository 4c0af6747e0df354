package server_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestWaitBefore(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	e.Submit(esmetest.Message("+491", "first 1111"))
	e.Submit(esmetest.Message("492", "other 2222"))
	e.Submit(esmetest.Message("491", "second 3333"))
	if m := esmetest.Wait(t, srv, "491"); m.Code != "1111" {
		t.Errorf("got %q", m.Text)
	}
	if m := esmetest.Wait(t, srv, "+491"); m.Code != "3333" {
		t.Errorf("got %q", m.Text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if m, err := srv.Wait(ctx, "491"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third wait got %q, %v", m.Text, err)
	}
}

func TestWaitAfter(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	got := make(chan smsc.Message)
	go func() {
		m, _ := srv.Wait(esmetest.Patient(t), "491")
		got <- m
	}()
	time.Sleep(20 * time.Millisecond) // either order has to work; this makes it the one of interest
	e.Submit(esmetest.Message("492", "other 2222"))
	e.Submit(esmetest.Message("491", "mine 1111"))
	if m := <-got; m.Code != "1111" {
		t.Errorf("got %q", m.Text)
	}
}

// TestWaitConcurrently: each message is handed to exactly one of many waiters.
func TestWaitConcurrently(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	const n = 50
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]int{}
	for range n {
		wg.Go(func() {
			m, err := srv.Wait(esmetest.Patient(t), "491")
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			seen[m.Text]++
			mu.Unlock()
		})
	}
	for i := range n {
		e.Submit(esmetest.Message("491", fmt.Sprint("code ", 1000+i)))
	}
	wg.Wait()
	if len(seen) != n {
		t.Errorf("%d different messages for %d waiters", len(seen), n)
	}
}

// TestWaitGivenUp: a waiter that has gone takes no message with it.
func TestWaitGivenUp(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	for range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		type result struct {
			m   smsc.Message
			err error
		}
		gone := make(chan result)
		go func() {
			m, err := srv.Wait(ctx, "491")
			gone <- result{m, err}
		}()
		go cancel()
		e.Submit(esmetest.Message("491", "code 4711"))
		if r := <-gone; r.err != nil {
			if m := esmetest.Wait(t, srv, "491"); m.Code != "4711" {
				t.Fatalf("got %q", m.Text)
			}
		}
	}
}

func TestWaitEndsWithTheServer(t *testing.T) {
	srv, err := smsc.Start(smsc.Config{})
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := srv.Wait(esmetest.Patient(t), "491")
		failed <- err
	}()
	if err := srv.Close(esmetest.Patient(t)); err != nil {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, smsc.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
