package main

import (
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestPausedDaemonReadsItsAnswers: a daemon is stopped for longer than the response timeout (SIGSTOP, a
// machine that swaps) while its messages are in flight, and the SMSC answers meanwhile. Those answers count:
// no message is sent again.
func TestPausedDaemonReadsItsAnswers(t *testing.T) {
	t.Parallel()
	const messages = 5
	in := newTally()
	sim := startSMSC(t, smsc.Config{ReceiptDelay: time.Hour, OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		in.add(s.To)
		return smsc.Outcome{Delay: 1500 * time.Millisecond} // while the daemon is stopped
	}})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_LINK_CARRIER_RESPONSE_TIMEOUT": "3s", "OTPGW_LINK_CARRIER_ENQUIRE_LINK": "1s"}))
	for n := range messages {
		mustCall(t, client(t), "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(n)+`"}`, 201)
		in.wait(t, strings.TrimPrefix(number(n), "+"))
	}
	d.Pause()
	time.Sleep(4 * time.Second) // past the response timeout
	d.Resume()
	if !d.stderr.more(`"message":"sent"`, messages-1) {
		t.Fatal("the answers were not read")
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.all != messages || d.stderr.count(`"message":"not answered"`) != 0 {
		t.Errorf("%d messages went out %d times, %d of them as unanswered", messages, in.all, d.stderr.count(`"message":"not answered"`))
	}
}
