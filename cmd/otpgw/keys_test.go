package main

import (
	"encoding/base64"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/seal"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestSecretKeyChange: a store is refused to another key, before anything is answered or dead-lettered, and
// opens to a new one that names the old one: a PIN that is on its way stays good, and an Idempotency-Key
// keeps its answer.
func TestSecretKeyChange(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	dir := t.TempDir()
	newKey := func() string { return base64.StdEncoding.EncodeToString(seal.NewKey()) }
	first, second := newKey(), newKey()
	vars := func(more map[string]string) map[string]string {
		e := env(dir, sim.Addr(), more)
		maps.Copy(e, more)
		return e
	}
	c := client(t)
	p := startDaemon(t, vars(map[string]string{"OTPGW_SECRET_KEY": first}))
	var o struct{ OtpID string }
	mustCall(t, c, "POST", p.HTTP+"/otp", `{"phoneNumber":"+46700000001"}`, 201).json(t, &o)
	m, err := sim.Wait(t.Context(), "46700000001")
	if err != nil {
		t.Fatal(err)
	}
	pin := regexp.MustCompile(`\d{6}`).FindString(m.Text)
	p.stop()

	wrong := spawn(t, vars(map[string]string{"OTPGW_SECRET_KEY": second}))
	select {
	case <-wrong.Exited():
	case <-time.After(testTimeout):
		t.Fatal("a daemon with another key goes on")
	}
	if code, log := wrong.State().ExitCode(), wrong.stderr.String(); code != exitFailed || !strings.Contains(log, "OTPGW_SECRET_KEYS_OLD") {
		t.Errorf("exit status %d: %s", code, log)
	}

	p = startDaemon(t, vars(map[string]string{"OTPGW_SECRET_KEY": second, "OTPGW_SECRET_KEYS_OLD": newKey() + "," + first}))
	mustCall(t, c, "POST", p.HTTP+"/otp/"+o.OtpID, `{"pin":"`+pin+`"}`, 200)
	p.stop()
	p = startDaemon(t, vars(map[string]string{"OTPGW_SECRET_KEY": second})) // the anchor is the new key's now
	p.stop()
}
