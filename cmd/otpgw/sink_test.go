package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/cdr"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/link"
)

// TestPartIsRecordedBeforeItIsStored: a daemon that is killed around the commit leaves a record for billing, and
// a part that is told again has one only.
func TestPartIsRecordedBeforeItIsStored(t *testing.T) {
	dir := t.TempDir()
	w, err := cdr.Open(cdr.Options{Settings: cdr.Settings{Dir: dir, Rotate: time.Hour, Numbers: cdr.Plain}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	q := queuetest.Open(t)
	service := &otp.Service{Queue: q, Now: q.Now}
	s := &sink{cdr: w, service: service, tracker: dlr.NewTracker(q, service, zerolog.Nop()), price: func(_, _ string) float64 { return 0 }, log: zerolog.Nop()}
	lines := func() (n int) {
		t.Helper()
		open, err := filepath.Glob(filepath.Join(dir, "*.open"))
		if err != nil || len(open) != 1 {
			t.Fatalf("%v, %v", open, err)
		}
		content, err := os.ReadFile(open[0])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(content), `"messageId":"A7"`)
	}
	a := link.Accepted{Link: "carrier", MessageID: "A7", Part: 1, Parts: 1, Sent: time.Now(),
		Message: &queue.Outbound{Ref: uuid.NewString(), ID: uuid.NewString(), To: "+46700000001", Created: time.Now(), Expires: time.Now().Add(time.Minute)}}
	s.HandedOver(q.Begin(), link.HandedOver{Link: a.Link, Message: a.Message, Parts: []link.Accepted{a}}) // never committed
	if n := lines(); n != 1 {
		t.Errorf("%d records of a part that the carrier took, want 1", n)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	a.MessageID = "B8"
	if err := s.Accepted(ended, a); err == nil {
		t.Error("it was stored, though nobody waits for it")
	}
	a.MessageID, a.Again = "A7", true
	if err := s.Accepted(context.Background(), a); err != nil {
		t.Error(err)
	}
	if n := lines(); n != 1 {
		t.Errorf("%d records of a part that was told twice, want 1", n)
	}
}
