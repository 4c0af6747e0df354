package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"otpgw/queue/queuetest"
	"otpgw/smpp/smsc"
)

// fullSize names the variable that gives the long tests their full size: make full.
const fullSize = "OTPGW_TEST_FULL"

// sized is a test's size: full with make full, else small.
func sized(small, full int) int {
	if os.Getenv(fullSize) != "" {
		return full
	}
	return small
}

// TestGuessesOnCluster: guesses on one OTP, over three daemons on a cluster of three NATS servers with three replicas, are
// evaluated exactly maxAttempts times; and so they are while the server that leads the records is killed.
func TestGuessesOnCluster(t *testing.T) {
	guesses := sized(2000, 10_000)
	sim := startSMSC(t, smsc.Config{})
	cluster := queuetest.StartCluster(t, 3)
	shared := map[string]string{
		"OTPGW_NATS_URL": cluster.URL(), "OTPGW_NATS_REPLICAS": "3",
		"OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
	}
	var daemons []*process
	for range 3 {
		daemons = append(daemons, startDaemon(t, env(t.TempDir(), sim.Addr(), shared)))
	}
	c := client(t)
	const maxAttempts = 7
	for i, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("server killed: %v", killed), func(t *testing.T) {
			to := number(i + 1)
			var o struct{ OtpID string }
			mustCall(t, c, "POST", daemons[0].HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q,"maxAttempts":%d}`, to, maxAttempts), 201).json(t, &o)
			m, err := sim.Wait(t.Context(), to)
			if err != nil {
				t.Fatal(err)
			}
			wrong := "0" + m.Code[1:]
			if wrong == m.Code {
				wrong = "1" + m.Code[1:]
			}
			before := evaluated(t, c, daemons)
			leader := cluster.Leader(t, "KV_otp")
			var answered atomic.Int64
			var mu sync.Mutex
			codes := make(map[int]int)
			guess := func(n int) {
				a, err := call(c, "POST", daemons[n%3].HTTP+"/otp/"+o.OtpID, `{"pin":"`+wrong+`"}`)
				if err != nil {
					t.Error(err)
					return
				}
				if answered.Add(1) == 3 && killed {
					leader.Kill()
				}
				var e struct{ Error struct{ Code int } }
				a.json(t, &e)
				if a.status != 400 && a.status != 503 || a.status == 503 && !killed {
					t.Errorf("status %d: %s", a.status, a.body)
				}
				mu.Lock()
				codes[e.Error.Code]++
				mu.Unlock()
			}
			start := make(chan struct{})
			var all sync.WaitGroup
			for n := range guesses {
				all.Go(func() {
					<-start
					guess(n)
				})
			}
			close(start)
			all.Wait()
			var after struct{ Status string }
			for n := 0; after.Status != "FAILED" && n < 20; n++ { // those that met no store tried nothing
				guess(n)
				mustCall(t, c, "GET", daemons[n%3].HTTP+"/otp/"+o.OtpID, "", 200).json(t, &after)
			}
			n := evaluated(t, c, daemons) - before
			t.Logf("evaluated %d of %d guesses, maxAttempts %d; answers by code: %v", n, guesses, maxAttempts, codes)
			if n != maxAttempts || after.Status != "FAILED" || codes[2029]+codes[2027] > maxAttempts {
				t.Errorf("%d guesses were evaluated, %d told, maxAttempts is %d; %s", n, codes[2029]+codes[2027], maxAttempts, after.Status)
			}
		})
	}
	for _, d := range daemons {
		if code := d.stop(); code != 0 {
			t.Errorf("exit status %d", code)
		}
	}
}
