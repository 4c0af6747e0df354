package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"otpgw/smpp/smsc"
	"otpgw/smpp/wire"
)

// TestResend: the whole way, over SMPP: a message whose receipt says UNDELIV, one that is refused, and one that no receipt
// comes for are sent again by themselves with the same PIN; one that arrived is not; each callback says which message it is of.
func TestResend(t *testing.T) {
	t.Parallel()
	failing, refused, silent, arriving, asked := number(1), number(2), number(3), number(4), number(5)
	var mu sync.Mutex
	seen := make(map[string]int)
	sim := startSMSC(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		mu.Lock()
		defer mu.Unlock()
		to := "+" + strings.TrimPrefix(s.To, "+")
		seen[to]++
		if seen[to] > 1 {
			return smsc.Outcome{}
		}
		switch to {
		case failing:
			return smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Undeliverable}}}
		case refused:
			return smsc.Outcome{Status: wire.StatusInvDstAdr}
		case silent:
			return smsc.Outcome{NoReceipt: true}
		}
		return smsc.Outcome{}
	}})
	updates := make(map[string][]string) // statuses by otpId
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var c struct {
			Event string
			Data  []struct{ OtpID, Status string }
		}
		if err := json.Unmarshal(body, &c); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, item := range c.Data {
			if c.Event == "dlr_update" {
				updates[item.OtpID] = append(updates[item.OtpID], item.Status)
			}
		}
	}))
	defer receiver.Close()
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_RESEND_AFTER": "3s", "OTPGW_APP_SHOP_RESEND_INTERVAL": "1s", "OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL,
	}))
	c := client(t)
	ids := make(map[string]string)
	for _, to := range []string{failing, refused, silent, arriving, asked} {
		var o struct{ OtpID string }
		mustCall(t, c, "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q,"pinLength":10}`, to), 201).json(t, &o)
		ids[to] = o.OtpID
	}
	time.Sleep(1100 * time.Millisecond) // the interval
	mustCall(t, c, "POST", d.HTTP+"/otp/"+ids[asked]+"/resend", "", 200)
	for to, resends := range map[string]int{failing: 1, refused: 1, silent: 1, arriving: 0, asked: 1} {
		var o struct {
			Resends  int
			Delivery struct{ Status string }
		}
		for deadline := time.Now().Add(testTimeout); ; time.Sleep(50 * time.Millisecond) {
			mustCall(t, c, "GET", d.HTTP+"/otp/"+ids[to], "", 200).json(t, &o)
			if o.Resends == resends && o.Delivery.Status == "DELIVERED" || time.Now().After(deadline) {
				break
			}
		}
		if o.Resends != resends || o.Delivery.Status != "DELIVERED" {
			t.Errorf("%s: %+v, want %d resends", to, o, resends)
		}
		texts := make(map[string]bool)
		for _, m := range sim.Messages(smsc.Filter{To: to}) {
			texts[m.Text] = true
		}
		if len(texts) != 1 {
			t.Errorf("%s: %d texts", to, len(texts))
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for to, want := range map[string]string{failing: "FAILED ACCEPTED DELIVERED", refused: "REJECTED ACCEPTED DELIVERED", silent: "ACCEPTED DELIVERED"} {
		if got := strings.Join(updates[ids[to]], " "); !strings.HasPrefix(want, got) || got == "" { // the last may be on its way
			t.Errorf("%s: callbacks %s, want %s", to, got, want)
		}
	}
	for to, n := range map[string]int{failing: 2, refused: 2, silent: 2, arriving: 1, asked: 2} {
		if seen[to] != n {
			t.Errorf("%s: %d submits, want %d", to, seen[to], n)
		}
	}
}
