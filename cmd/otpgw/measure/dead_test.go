package measure

import (
	"net"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
)

// TestDeadURL makes OTPs whose callback URL answers nobody, stops the daemon, lets their PINs run out, and
// says what the start costs, in parts of DEAD_SECONDS (120): `make dead`, for 50,000 or those of DEAD.
func TestDeadURL(t *testing.T) {
	if !asked("dead") {
		t.Skip("minutes, until the PINs have run out: make dead")
	}
	n, seconds, ttl := setting(t, "DEAD", 50_000), setting(t, "DEAD_SECONDS", 120), setting(t, "DEAD_TTL", 300)
	lines := processtest.NewLines()
	smsc := processtest.StartRole(t, "neutral", time.Duration(0), lines.Add)
	defer smsc.End(most)
	env := make(map[string]string)
	addLinks(env, 1, 100, lines.Next(t, smsc, most))
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	dir, program := t.TempDir(), processtest.BuildDaemon(t)
	d := startDaemon(t, program, dir, env)
	lines.Next(t, smsc, most) // bound
	r := &running{api: []string{d.HTTP}, pids: []int{d.Pid()}}
	r.load(t, loadPlan{API: r.api, Count: n, TTL: ttl, URL: "http://" + closed.Addr().String()})
	if status := d.Terminate(most); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
	time.Sleep(time.Duration(ttl+1) * time.Second)
	d = startDaemon(t, program, dir, env)
	const parts = 8
	before, err := d.Usage()
	if err != nil {
		t.Fatal(err)
	}
	for range parts {
		time.Sleep(time.Duration(seconds) * time.Second / parts)
		after, err := d.Usage()
		if err != nil {
			t.Fatal(err)
		}
		store := storeOf(t, d)
		t.Logf("%d OTPs that had run out: %.2f cores, %d MiB; %.0f events of %.0f MiB wait", n,
			(after.CPU-before.CPU).Seconds()*parts/float64(seconds), after.RSS>>20, store["events"][0], store["events"][1]/(1<<20))
		before = after
	}
	if status := d.Terminate(most); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
}
