package lookup

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

var swede = Question{"+46701234567", "SE", "shop", "Verify"}

// TestAnswers: what a service may answer, over HTTP.
func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		want   Finding
		fails  bool
	}{
		{"all", 200, `{"network":"240-07","route":"north","risk":["sim_swap","ported"],"ttl":60,"more":[1]}`, Finding{"24007", "north", "", []string{"sim_swap", "ported"}}, false},
		{"MCC and MNC apart, one risk", 200, `{"mcc":"240","mnc":"07","risk":"ported"}`, Finding{Network: "24007", Risks: []string{"ported"}}, false},
		{"a refusal", 200, `{"deny":"reported\nas stolen"}`, Finding{Deny: "reported as stolen"}, false},
		{"a refusal without a reason", 200, `{"deny":true}`, Finding{Deny: "lookup"}, false},
		{"no refusal", 200, `{"deny":false,"network":null,"risk":null}`, Finding{}, false},
		{"nothing", 200, `{}`, Finding{}, false},
		{"no content", 204, ``, Finding{}, false},
		{"not known", 404, `<html>`, Finding{}, false},
		{"a fault of the service", 500, `{"network":"24007"}`, Finding{}, true},
		{"elsewhere", 302, ``, Finding{}, true},
		{"rubbish", 200, `<html>`, Finding{}, true},
		{"a list", 200, `[]`, Finding{}, true},
		{"a refusal and none", 200, `{"deny":true,"deny":false}`, Finding{}, true},
		{"a refusal in two cases", 200, `{"deny":true,"Deny":false}`, Finding{}, true},
		{"a number for a name", 200, `{"route":7}`, Finding{}, true},
		{"no network", 200, `{"network":"Telia"}`, Finding{}, true},
		{"a risk with a space", 200, `{"risk":["sim swap"]}`, Finding{}, true},
		{"too many risks", 200, `{"risk":["a","b","c","d","e","f","g","h","i"]}`, Finding{}, true},
		{"endless", 200, `{"x":"` + strings.Repeat("x", maxAnswer) + `"}`, Finding{}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.status == 302 {
					w.Header().Set("Location", "/elsewhere")
				}
				body, err := io.ReadAll(r.Body)
				check, signErr := webhooks.NewWebhook(secret)
				if err := errors.Join(err, signErr, check.Verify(body, r.Header)); err != nil {
					t.Errorf("the request is not signed: %v", err)
				}
				if r.URL.Path == "/elsewhere" || r.Method != "POST" || string(body) != `{"phoneNumber":"+46701234567","countryIso":"SE","application":"shop","from":"Verify"}` {
					t.Errorf("%s %s: %s", r.Method, r.URL, body)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			transport, err := HTTP(server.URL, secret)
			if err != nil {
				t.Fatal(err)
			}
			for _, closed := range []bool{false, true} {
				a := New(Options{Transport: transport, Timeout: 5 * time.Second, Keep: time.Hour, Closed: closed, Log: zerolog.Nop()})
				got, err := a.Ask(t.Context(), swede)
				if got.Network != test.want.Network || got.Route != test.want.Route || got.Deny != test.want.Deny || !slices.Equal(got.Risks, test.want.Risks) {
					t.Errorf("found %+v, want %+v", got, test.want)
				}
				if (err != nil) != (test.fails && closed) || err != nil && !errors.Is(err, ErrFailed) {
					t.Errorf("closed %v: %v", closed, err)
				}
			}
		})
	}
}

// TestRemembered: an answer holds as long as it says, and no longer than is set; a failure is not remembered.
func TestRemembered(t *testing.T) {
	var asked atomic.Int32
	now := time.Now()
	answer := func() ([]byte, error) { return []byte(`{"network":"24007","ttl":60}`), nil }
	a := New(Options{Transport: func(context.Context, []byte) ([]byte, error) { asked.Add(1); return answer() },
		Timeout: time.Second, Keep: time.Hour, Log: zerolog.Nop(), Now: func() time.Time { return now }})
	want := func(n int32, network string) {
		t.Helper()
		if f, err := a.Ask(t.Context(), swede); err != nil || f.Network != network || asked.Load() != n {
			t.Errorf("asked %d times, want %d: %+v, %v", asked.Load(), n, f, err)
		}
	}
	want(1, "24007")
	want(1, "24007")
	now = now.Add(61 * time.Second)
	want(2, "24007")
	now = now.Add(61 * time.Second)
	answer = func() ([]byte, error) { return nil, errors.New("away") }
	want(3, "")
	answer = func() ([]byte, error) { return []byte(`{"network":"24001","ttl":0}`), nil }
	want(4, "24001")
	want(5, "24001")
	answer = func() ([]byte, error) { return []byte(`{"network":"24002","ttl":86400}`), nil }
	want(6, "24002")
	now = now.Add(time.Hour + time.Second)
	want(7, "24002")
}

// TestHangs: a service that never answers delays nobody longer than the bound, and no more than so many wait
// for it.
func TestHangs(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	a := New(Options{Transport: func(context.Context, []byte) ([]byte, error) { <-hang; return nil, nil }, // not even when its context ends
		Timeout: 50 * time.Millisecond, Keep: time.Hour, Log: zerolog.Nop()})
	var all sync.WaitGroup
	began := time.Now()
	for range underWay + 10 {
		all.Go(func() {
			if f, err := a.Ask(t.Context(), swede); err != nil || f.Network != "" {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
	all.Wait()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if n := len(a.slots); n > underWay {
		t.Errorf("%d are under way", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"network":"24007","route":"a","deny":"x","risk":"y","ttl":1}`))
	f.Add([]byte(`{"deny":"` + strings.Repeat("é", 300) + `"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		found, hold, err := parse(body, time.Hour)
		if err == nil && (hold < 0 || hold > time.Hour || len(found.Risks) > maxRisks || len([]rune(found.Deny)) > maxReason) {
			t.Errorf("%+v for %s", found, hold)
		}
	})
}
