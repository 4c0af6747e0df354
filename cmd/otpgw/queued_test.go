package main

import (
	"strings"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestDeliveryTellsQueuedFromHandedOver: a message that waits here is not called what one at the carrier is.
func TestDeliveryTellsQueuedFromHandedOver(t *testing.T) {
	t.Parallel()
	asked, released := make(chan struct{}), make(chan struct{}) // the first POST is answered; the second may be
	s := startSMSC(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		<-asked
		if strings.HasSuffix(i.To, "2") {
			<-released
		}
		return smsc.Outcome{NoReceipt: true}
	}})
	d := startBound(t, env(t.TempDir(), s.Addr(), nil))
	c := client(t)
	type shown struct {
		OtpID    string
		Delivery struct {
			Status string
			Parts  []struct{ Status string }
		}
	}
	get := func(id string) (o shown) {
		t.Helper()
		mustCall(t, c, "GET", d.HTTP+"/otp/"+id, "", 200).json(t, &o)
		return o
	}
	wait := func(id, status string) {
		t.Helper()
		var o shown
		await.Within(testTimeout, func() bool {
			o = get(id)
			return o.Delivery.Status != "QUEUED"
		})
		if o.Delivery.Status != status || o.Delivery.Parts[0].Status != status {
			t.Fatalf("delivery %+v, want %s", o.Delivery, status)
		}
	}
	var first, second shown
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(1)+`"}`, 201).json(t, &first)
	if first.Delivery.Status != "QUEUED" {
		t.Errorf("at once: %s", first.Delivery.Status)
	}
	close(asked)
	wait(first.OtpID, "ACCEPTED")
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(2)+`"}`, 201).json(t, &second)
	if o := get(second.OtpID); o.Delivery.Status != "QUEUED" || o.Delivery.Parts[0].Status != "QUEUED" {
		t.Errorf("not answered yet: %+v", o.Delivery)
	}
	close(released)
	wait(second.OtpID, "ACCEPTED")
}
