package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/otpgw/otpgw/otp/client"
)

const (
	secret    = "whsec_b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcw=="
	oldSecret = "whsec_YW5vdGhlciB0ZXN0IHNlY3JldCBvZiAzMiBieXRlc3M="
	dlr       = `{"event":"dlr_update","data":[{"campaignId":"c","msgId":"m","statusCode":3,"status":"DELIVERED","errorCode":null,"datetime":"2026-11-23T05:36:03Z","trackData":null,"otpId":"c","phoneNumber":"+46700000000"}]}`
	update    = `{"event":"otp_update","data":[{"otpId":"c","status":"VERIFIED","attempts":1},{"otpId":"d","status":"EXPIRED"}]}`
)

// post signs and hands over one callback.
func post(t *testing.T, h http.Handler, with string, at time.Time, body string, spoil func(*http.Request)) int {
	t.Helper()
	hook, err := webhooks.NewWebhook(with)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := hook.Sign("msg_1", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/callbacks", strings.NewReader(body))
	r.Header.Set("webhook-id", "msg_1")
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("webhook-signature", signature)
	if spoil != nil {
		spoil(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestWebhook(t *testing.T) {
	var got []client.Event
	var fail error
	h, err := client.NewWebhook(func(_ context.Context, e client.Event) error { got = append(got, e); return fail }, secret, oldSecret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	other := "whsec_" + strings.Repeat("QUFB", 10)
	tests := []struct {
		name, secret string
		at           time.Time
		body         string
		spoil        func(*http.Request)
		fail         error
		status       int
		events       int
	}{
		{"receipt", secret, now, dlr, nil, nil, 204, 1},
		{"change", secret, now, update, nil, nil, 204, 1},
		{"the old secret", oldSecret, now, dlr, nil, nil, 204, 1},
		{"two signatures", secret, now, dlr, func(r *http.Request) {
			r.Header.Set("webhook-signature", "v1,AAAA "+r.Header.Get("webhook-signature"))
		}, nil, 204, 1},
		{"an event of a later gateway", secret, now, `{"event":"x_update","data":{}}`, nil, nil, 204, 1},
		{"the func fails", secret, now, dlr, nil, errors.New("database"), 500, 1},
		{"no more", secret, now, dlr, nil, client.ErrGone, 410, 1},
		{"another secret", other, now, dlr, nil, nil, 401, 0},
		{"old", secret, now.Add(-6 * time.Minute), dlr, nil, nil, 401, 0},
		{"from the future", secret, now.Add(6 * time.Minute), dlr, nil, nil, 401, 0},
		{"timestamp changed", secret, now.Add(-time.Hour), dlr, func(r *http.Request) { r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10)) }, nil, 401, 0},
		{"id changed", secret, now, dlr, func(r *http.Request) { r.Header.Set("webhook-id", "msg_2") }, nil, 401, 0},
		{"no signature", secret, now, dlr, func(r *http.Request) { r.Header.Del("webhook-signature") }, nil, 401, 0},
		{"body changed", secret, now, dlr, func(r *http.Request) {
			*r = *r.Clone(r.Context())
			r.Body = http.NoBody
		}, nil, 401, 0},
		{"no JSON", secret, now, `{`, nil, nil, 400, 0},
		{"items of another shape", secret, now, `{"event":"otp_update","data":{"otpId":1}}`, nil, nil, 400, 0},
		{"too large", secret, now, strings.Repeat(" ", 1<<20+1), nil, nil, 413, 0},
		{"GET", secret, now, dlr, func(r *http.Request) { r.Method = "GET" }, nil, 405, 0},
	}
	for _, test := range tests {
		got, fail = nil, test.fail
		if status := post(t, h, test.secret, test.at, test.body, test.spoil); status != test.status || len(got) != test.events {
			t.Errorf("%s: %d and %d events, want %d and %d", test.name, status, len(got), test.status, test.events)
		}
	}
	got, fail = nil, nil
	post(t, h, secret, now, update, nil)
	post(t, h, secret, now, dlr, nil)
	if len(got) != 2 || got[0].Event != client.EventOtpUpdate || len(got[0].Otps) != 2 || got[0].Otps[1].Status != client.Expired ||
		got[1].Deliveries[0].Status != client.Delivered || got[1].ID != "msg_1" || got[1].Sent.Unix() != now.Unix() {
		t.Errorf("%+v", got)
	}
}

func TestNewWebhook(t *testing.T) {
	handle := func(context.Context, client.Event) error { return nil }
	for _, secrets := range [][]string{nil, {""}, {"whsec_"}, {"whsec_c2hvcnQ="}, {"whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"}, {secret, ""}} {
		if _, err := client.NewWebhook(handle, secrets...); err == nil || strings.Contains(err.Error(), "c2hv") {
			t.Errorf("%q: %v", secrets, err)
		}
	}
	if _, err := client.NewWebhook(nil, secret); err == nil {
		t.Error("no func")
	}
}

// FuzzWebhook: whatever a signed callback holds, it is answered, and what is not signed never reaches the
// func.
func FuzzWebhook(f *testing.F) {
	f.Add(dlr, "msg_1", "v1,AAAA", true)
	f.Add(update, "", "", false)
	f.Add(`{"event":"otp_update","data":[{"dateCreated":0}]}`, "x", "v1", true)
	f.Fuzz(func(t *testing.T, body, id, signature string, signed bool) {
		reached := false
		h, err := client.NewWebhook(func(context.Context, client.Event) error { reached = true; return nil }, secret)
		if err != nil {
			t.Fatal(err)
		}
		status := post(t, h, secret, time.Now(), body, func(r *http.Request) {
			if !signed {
				r.Header.Set("webhook-id", id)
				r.Header.Set("webhook-signature", signature)
			}
		})
		if reached != (status == 204) || !signed && reached {
			t.Errorf("signed %v: %d, reached %v", signed, status, reached)
		}
	})
}
