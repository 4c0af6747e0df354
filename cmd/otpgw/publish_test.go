package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestChangesOnNATS: with an external cluster each change of an OTP and of its delivery is published on a
// subject of its application and status, with the body that a callback has.
func TestChangesOnNATS(t *testing.T) {
	t.Parallel()
	cluster := queuetest.StartServer(t)
	nc, err := nats.Connect(cluster.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	messages := make(chan *nats.Msg, 100)
	if _, err := nc.ChanSubscribe("otpgw.*.shop.*", messages); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	sim := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_NATS_URL": cluster.URL,
		"OTPGW_SECRET_KEY": "b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlc3M="}))
	c := client(t)
	var o created
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(1)+`"}`, 201).json(t, &o)
	m := waitSMS(t, sim, number(1))
	missing := map[string]string{"otpgw.otp.shop.pending": "otp_update", "otpgw.dlr.shop.delivered": "dlr_update", "otpgw.otp.shop.verified": "otp_update"}
	verified := false
	for len(missing) > 0 {
		select {
		case got := <-messages:
			var e struct {
				Event string
				Data  []struct{ OtpID, Status, PhoneNumber string }
			}
			if err := json.Unmarshal(got.Data, &e); err != nil || len(e.Data) != 1 || e.Data[0].OtpID != o.OtpID || e.Data[0].PhoneNumber != number(1) {
				t.Fatalf("%s: %s", got.Subject, got.Data)
			}
			if want, ok := missing[got.Subject]; ok && e.Event != want {
				t.Errorf("%s is %s", got.Subject, e.Event)
			}
			delete(missing, got.Subject)
			if got.Subject == "otpgw.dlr.shop.delivered" && !verified {
				verified = true
				mustCall(t, c, "POST", d.HTTP+"/otp/"+o.OtpID, `{"pin":"`+m.Code+`"}`, 200)
			}
		case <-time.After(testTimeout):
			t.Fatalf("not published: %v", missing)
		}
	}
}
