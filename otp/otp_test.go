package otp

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"
)

// otpKeys are the keys of an Otp, ours last.
var otpKeys = []string{"otpId", "trackId", "phoneNumber", "countryIso", "status", "cost", "parts", "maxAttempts", "attempts", "ttl",
	"otpCallbackUrl", "dateCreated", "dateExpires", "delivery", "from", "language", "encoding", "resends", "risk"}

// TestOtpKeys: whatever the record holds, every key is there and none is more.
func TestOtpKeys(t *testing.T) {
	either := func(s string) string {
		if rand.IntN(2) == 0 {
			return ""
		}
		return s
	}
	for range 500 {
		r := Record{ID: "id", TrackID: either("track"), Language: either("fr"), CallbackURL: either("https://a"), Failed: rand.IntN(11), From: either("x")}
		r.Delivery = newDelivery(rand.IntN(4), r.Created)
		r.Delivery.fold(DeliveryReport{Part: rand.IntN(4), Status: DeliveryFailed, ErrorCode: intp(rand.IntN(2))})
		data, err := json.Marshal(r.view(time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]json.RawMessage
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		for _, k := range otpKeys {
			if _, ok := got[k]; !ok {
				t.Fatalf("no %s in %s", k, data)
			}
		}
		if len(got) != len(otpKeys) {
			t.Fatalf("%d keys in %s", len(got), data)
		}
	}
}

func TestOtpJSON(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := Record{ID: "id", Phone: "+33612345678", Country: "FR", From: "Verify", Encoding: "GSM7", Parts: 1, Status: StatusPending, MaxAttempts: 5,
		Failed: 1, Reserved: 2, TTL: 60, Created: created, Expires: created.Add(time.Minute), Delivery: newDelivery(1, created)}
	data, err := json.Marshal(r.view(created))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"otpId":"id","trackId":null,"phoneNumber":"+33612345678","countryIso":"FR","status":"PENDING","cost":0,"parts":1,"maxAttempts":5,"attempts":1,` +
		`"ttl":60,"otpCallbackUrl":null,"dateCreated":"2026-01-02T03:04:05Z","dateExpires":"2026-01-02T03:05:05Z",` +
		`"delivery":{"status":"ACCEPTED","errorCode":null,"datetime":"2026-01-02T03:04:05Z","parts":[{"part":1,"status":"ACCEPTED","errorCode":null,"datetime":"2026-01-02T03:04:05Z","assumed":false}],"assumed":false,"unanswered":0},` +
		`"from":"Verify","language":null,"encoding":"GSM7","resends":0,"risk":[]}`
	if string(data) != want {
		t.Errorf("%s, want\n%s", data, want)
	}
	if got := r.view(r.Expires).Status; got != StatusExpired {
		t.Errorf("at its end: %s", got)
	}
}
