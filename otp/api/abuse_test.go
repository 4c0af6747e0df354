package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestIdempotencyKey: replay with the same bytes, also of the key in quotes and from another daemon; another
// body; bad keys.
func TestIdempotencyKey(t *testing.T) {
	g := newGateway(t)
	second := g.twin(t)
	post := func(g *gateway, key, body string) reply { return g.do(t, "POST", "/otp", body, "Idempotency-Key", key) }
	first := post(g, "a key", french)
	if first.status != 201 || first.header.Get("Idempotent-Replayed") != "" {
		t.Fatalf("%d %s", first.status, first.text)
	}
	for _, again := range []reply{post(g, "a key", french), post(second, `"a key"`, french)} {
		if again.status != 201 || again.text != first.text || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%d %s", again.status, again.text)
		}
		if again.header.Get("Retry-After") != "" {
			t.Error("Retry-After on a success")
		}
	}
	r := post(second, "a key", `{"phoneNumber":"+33612345679"}`)
	wantError(t, "another body", r, 409, 1006, "duplicate_id")
	if r.header.Get("Retry-After") != "" {
		t.Error("it is of no use to try again")
	}
	if other := g.do(t, "POST", "/otp", french, "Idempotency-Key", "a key", "X-API-KEY", otherKey); other.status != 201 || other.string("otpId") == first.string("otpId") {
		t.Errorf("another application: %d %s", other.status, other.text)
	}
	for _, key := range []string{`""`, strings.Repeat("k", 256), "ü"} {
		wantError(t, key, post(g, key, french), 400, 1013, "invalid_request")
	}
	wantError(t, "an invalid request leaves nothing", post(g, "b", `{}`), 400, 2001, "invalid_param")
	if r := post(g, "b", french); r.status != 201 {
		t.Errorf("%d %s", r.status, r.text)
	}
	if pin := g.pin(t); strings.Contains(first.text, pin+`"`) {
		t.Error("the answer has the PIN")
	}
}

// TestIdempotencyKeyUnderWay: 409 with Retry-After while the first is still at work.
func TestIdempotencyKeyUnderWay(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	second := g.twin(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	g.service.Measure = func(route, s string) (int, string) {
		close(entered)
		<-leave
		return measure(route, s)
	}
	done := make(chan reply)
	go func() { done <- g.do(t, "POST", "/otp", french, "Idempotency-Key", "k") }()
	<-entered
	r := second.do(t, "POST", "/otp", french, "Idempotency-Key", "k")
	wantError(t, "under way", r, 409, 1006, "duplicate_id")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(leave)
	first := <-done
	if r := second.do(t, "POST", "/otp", french, "Idempotency-Key", "k"); r.status != 201 || r.text != first.text {
		t.Errorf("%d %s", r.status, r.text)
	}
}

func TestResendAPI(t *testing.T) {
	g := newGateway(t)
	path := "/otp/" + g.create(t, french)
	pin := g.pin(t)
	r := g.do(t, "POST", path+"/resend", "")
	wantError(t, "too soon", r, 429, 1008, "rate_limit")
	wantLimited(t, r, 1, 30*time.Second)
	g.advance(30 * time.Second)
	if r := g.do(t, "POST", path+"/resend", "", "Content-Type", ""); r.status != 200 || r.body["resends"] != 1.0 || "/otp/"+r.string("otpId") != path {
		t.Errorf("%d %s", r.status, r.text)
	}
	if again := g.pin(t); again != pin {
		t.Errorf("PIN %s, then %s", pin, again)
	}
	wantError(t, "another's", g.do(t, "POST", path+"/resend", "", "X-API-KEY", otherKey), 404, 2021, "not_found")
	wantError(t, "nobody's", g.do(t, "POST", anID+"/resend", ""), 404, 2021, "not_found")
	wantError(t, "GET", g.do(t, "GET", path+"/resend", ""), 405, 1005, "invalid_method")
	g.do(t, "DELETE", path, "")
	wantError(t, "cancelled", g.do(t, "POST", path+"/resend", ""), 400, 2024, "otp_cancelled")
}

// wantLimited checks the headers of a 429 on POST.
func wantLimited(t testing.TB, r reply, limit int, in time.Duration) {
	t.Helper()
	reset, err := strconv.ParseInt(r.header.Get("X-Rate-Limit-Reset"), 10, 64)
	retry, err2 := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil || err2 != nil || r.header.Get("X-Rate-Limit-Limit") != strconv.Itoa(limit) || r.header.Get("X-Rate-Limit-Remaining") != "0" ||
		time.Duration(retry)*time.Second > in+time.Second || retry < 1 || reset < time.Now().Unix() {
		t.Errorf("%v", r.header)
	}
}

// TestNumberLimits: each says what it is.
func TestNumberLimits(t *testing.T) {
	g := newGateway(t)
	// The third application may send twice to a number, and have three tries.
	third := func(method, path, body string) reply { return g.do(t, method, path, body, "X-API-KEY", thirdKey) }
	var ids []string
	for range 2 {
		r := third("POST", "/otp", french)
		if r.status != 201 {
			t.Fatalf("%d %s", r.status, r.text)
		}
		ids = append(ids, "/otp/"+r.string("otpId"))
	}
	r := third("POST", "/otp", french)
	wantError(t, "third message", r, 429, 1008, "rate_limit")
	wantLimited(t, r, 2, time.Hour)
	if !strings.Contains(r.text, "Too many messages to this phone number: at most 2 in 1 hour") {
		t.Error(r.text)
	}
	for i := range 3 {
		wantError(t, "try", third("POST", ids[i%2], `{"pin":"x"}`), 400, 2029, "invalid_pin")
	}
	r = third("POST", ids[0], `{"pin":"x"}`)
	wantError(t, "fourth try", r, 429, 1008, "rate_limit")
	wantLimited(t, r, 3, 24*time.Hour)
	if !strings.Contains(r.text, "Too many tries to verify this phone number: at most 3 in 1 day") {
		t.Error(r.text)
	}
}

// TestRate: of many requests at once on two daemons exactly as many as allowed pass in each second, and the
// headers tell.
func TestRate(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	daemons := []*gateway{g, g.twin(t)}
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second + 20*time.Millisecond))) // all of it in one second
	second := time.Now().Unix()
	var mu sync.Mutex
	passed, remaining := 0, make(map[string]bool)
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			r := daemons[i%2].do(t, "GET", "/applications/fourth", "", "X-API-KEY", fourthKey)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case r.status == 200:
				passed++
				remaining[r.header.Get("X-Rate-Limit-Remaining")] = true
			case r.header.Get("Retry-After") != "":
				t.Error("Retry-After on GET")
			default:
				wantError(t, "over", r, 429, 1008, "rate_limit")
				if reset := r.header.Get("X-Rate-Limit-Reset"); reset != strconv.FormatInt(second+1, 10) || !strings.Contains(r.text, "Too many requests") {
					t.Errorf("reset %s, %s", reset, r.text)
				}
			}
		})
	}
	wg.Wait()
	if time.Now().Unix() != second {
		t.Skip("the machine is too slow to make 30 requests in a second")
	}
	if passed != 10 || len(remaining) != 10 || !remaining["0"] || !remaining["9"] {
		t.Errorf("%d passed, the rate is 10; remaining %v", passed, remaining)
	}
	time.Sleep(time.Until(time.Unix(second+1, 0))) // the rate is of each second of the wall clock, which all daemons share
	r := g.do(t, "POST", "/otp", french, "X-API-KEY", fourthKey)
	if r.status != 201 || r.header.Get("X-Rate-Limit-Limit") != "10" {
		t.Errorf("a second later: %d %v", r.status, r.header)
	}
}

func TestRateWindow(t *testing.T) {
	for rate, want := range map[float64]string{1: "1 1", 2.5: "1 3", 0.5: "2 1", 0.1: "10 1", 1000: "1 1000", 0.3: "4 2"} {
		seconds, limit := window(&otp.App{Rate: rate})
		if got := fmt.Sprint(seconds, limit); got != want {
			t.Errorf("%v: %s, want %s", rate, got, want)
		}
	}
}

// TestThrottle: who has nothing valid is told 401 so many times a minute and then 429; a right credential is
// never refused for that, though it comes from the same address and was not seen before.
func TestThrottle(t *testing.T) {
	g := newGateway(t)
	s := httptest.NewServer(New(Config{Apps: apps(), Service: g.service, Log: zerolog.Nop(), AuthFailures: 5}))
	defer s.Close()
	g.url = s.URL
	for range 5 {
		wantError(t, "wrong", g.do(t, "POST", "/otp", french, "X-API-KEY", "guess"), 401, 1001, "invalid_api_key")
	}
	r := g.do(t, "POST", "/otp", french, "X-API-KEY", "guess")
	wantError(t, "too often", r, 429, 1008, "rate_limit")
	wantLimited(t, r, 5, time.Minute)
	for range 15 {
		wantError(t, "too often", g.do(t, "GET", anID, "", "X-API-KEY", "", "Authorization", "Bearer otpgw_"+strings.Repeat("a", 43)), 429, 1008, "rate_limit")
	}
	wantError(t, "wrong client", g.oauth(t, "/oauth/token", "demo:guess", "grant_type=client_credentials"), 429, 1008, "rate_limit")

	for _, key := range []string{demoKey, otherKey} {
		if r := g.do(t, "POST", "/otp", french, "X-API-KEY", key); r.status != 201 {
			t.Errorf("a right key: %d %s", r.status, r.text)
		}
	}
	token := g.token(t, "")
	if r := g.do(t, "POST", "/otp", french, "X-API-KEY", "", "Authorization", "Bearer "+token); r.status != 201 {
		t.Errorf("a token just issued: %d %s", r.status, r.text)
	}
	if r := g.oauth(t, "/oauth/token", "", "grant_type=client_credentials&client_id=demo&client_secret=demo+secret%2B"); r.status != 200 {
		t.Errorf("a client in the form: %d %s", r.status, r.text)
	}
	if r := g.do(t, "POST", "/otp", french, "X-API-KEY", "guess", "Authorization", "Bearer "+token); r.status != 201 {
		t.Errorf("a right token beside a wrong key: %d %s", r.status, r.text)
	}
	wantError(t, "still wrong", g.do(t, "POST", "/otp", french, "X-API-KEY", "guess"), 429, 1008, "rate_limit")
}

// TestMadeUpTokens: they do not reach the store, so a flood of them delays nobody: the store is gone, and
// they are refused.
func TestMadeUpTokens(t *testing.T) {
	g := newGateway(t)
	token := g.token(t, "")
	queuetest.Close(t, g.service.Queue)
	refused, begun := 0, time.Now()
	for range 100 {
		if r := g.do(t, "GET", anID, "", "X-API-KEY", "", "Authorization", "Bearer otpgw_"+strings.Repeat("a", 43)); r.status == 401 {
			refused++
		}
	}
	// 50 a second are let through, for an hour's tokens of another key.
	if asked := 100 - refused; float64(asked) > 51+50*time.Since(begun).Seconds() {
		t.Errorf("%d of 100 were asked of the store", asked)
	}
	wantError(t, "a good one does", g.do(t, "GET", anID, "", "X-API-KEY", "", "Authorization", "Bearer "+token), 503, 1010, "server_error")
}

// TestTrustedProxies: behind one, failures count for whom it says it serves; nobody else's word counts.
func TestTrustedProxies(t *testing.T) {
	g := newGateway(t)
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	s := httptest.NewServer(New(Config{Apps: apps(), Service: g.service, Log: zerolog.Nop(), AuthFailures: 3, TrustedProxies: []netip.Prefix{loopback}}))
	defer s.Close()
	g.url = s.URL
	guess := func(name, value string) int {
		return g.do(t, "POST", "/otp", french, "X-API-KEY", "guess", name, value).status
	}
	for range 3 {
		guess("X-Forwarded-For", "192.0.2.1")
	}
	for value, want := range map[string]int{"192.0.2.1": 429, "203.0.113.9, 192.0.2.1": 429, "192.0.2.1, 127.0.0.2": 429, "192.0.2.1:4711": 429, "192.0.2.2": 401} {
		if got := guess("X-Forwarded-For", value); got != want {
			t.Errorf("X-Forwarded-For %s: %d, want %d", value, got, want)
		}
	}
	if got := guess("Forwarded", `for=198.51.100.7;proto=https, For="192.0.2.1:80";by=127.0.0.1`); got != 429 {
		t.Errorf("Forwarded: %d", got)
	}
}

func TestThrottleTime(t *testing.T) {
	now := time.Unix(1000, 0)
	th := newAuthFailures(6)
	th.now = func() time.Time { return now }
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 6 {
		if !th.until(a).IsZero() {
			t.Fatal("too early")
		}
		th.failed(a)
	}
	until := th.until(a)
	if until.IsZero() || !th.until(b).IsZero() {
		t.Error("the address, and no other")
	}
	if wait := until.Sub(now); wait != 10*time.Second {
		t.Errorf("%v", wait)
	}
	now = until
	if !th.until(a).IsZero() {
		t.Error("still, at its end")
	}
	for n := range 3 * failuresKept {
		th.failed(netip.AddrFrom4([4]byte{byte(n >> 16), byte(n >> 8), byte(n), 1}))
	}
	if n := th.last.Len(); n != failuresKept {
		t.Errorf("%d kept", n)
	}
	none := newAuthFailures(0)
	for range 100 {
		none.failed(a)
	}
	if !none.until(a).IsZero() {
		t.Error("0 is no limit")
	}
}

// TestAllow: an application that names its callers' networks is used from there and from nowhere else, by
// key, secret and token.
func TestAllow(t *testing.T) {
	g := newGateway(t)
	token := g.token(t, "")
	list := apps()
	list[0].Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8:1::7/128")}
	s := httptest.NewServer(New(Config{Apps: list, Service: g.service, Log: zerolog.Nop(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}))
	defer s.Close()
	g.url = s.URL
	for from, want := range map[string]int{"192.0.2.9": 201, "2001:db8:1::7": 201, "2001:db8:1::8": 403, "198.51.100.1": 403, "": 403} {
		for _, headers := range [][]string{{"X-API-KEY", demoKey}, {"X-API-KEY", "", "Authorization", "Bearer " + token}} {
			r := g.do(t, "POST", "/otp", french, append(headers, "X-Forwarded-For", from)...)
			if r.status != want {
				t.Errorf("from %q: %d %s", from, r.status, r.text)
			}
			if want == 403 {
				wantError(t, from, r, 403, 1014, "access_denied")
			}
		}
	}
	wantError(t, "its secret", g.oauth(t, "/oauth/token", "demo:demo secret+", "grant_type=client_credentials"), 403, 1014, "access_denied")
	if r := g.do(t, "POST", "/otp", french, "X-API-KEY", fourthKey); r.status != 201 {
		t.Errorf("another application: %d %s", r.status, r.text)
	}
}

func TestClientAddr(t *testing.T) {
	h := &handler{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ff::/48")}}
	tests := []struct{ remote, plain, forwarded, want string }{
		{"192.0.2.1:5", "", "", "192.0.2.1"},
		{"[::ffff:192.0.2.1]:5", "", "", "192.0.2.1"},
		{"[2001:db8:1:2:3:4:5:6]:5", "", "", "2001:db8:1:2::"},
		{"x", "", "", "invalid IP"},
		{"192.0.2.1:5", "198.51.100.1", "for=198.51.100.1", "192.0.2.1"},
		{"10.0.0.1:5", "", "", "10.0.0.1"},
		{"10.0.0.1:5", "198.51.100.1", "", "198.51.100.1"},
		{"[::ffff:10.0.0.1]:5", "203.0.113.5, 198.51.100.1 ,10.0.0.7", "", "198.51.100.1"},
		{"10.0.0.1:5", "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"},
		{"[2001:db8:ff::1]:5", "[2001:db8:1:2:3:4:5:6]:443", "", "2001:db8:1:2::"},
		{"10.0.0.1:5", "198.51.100.1, unknown", "", "10.0.0.1"},
		{"10.0.0.1:5", "198.51.100.1, unknown, 10.0.0.9", "", "10.0.0.9"},
		{"10.0.0.1:5", "10.0.0.8, 10.0.0.9", "", "10.0.0.8"},
		{"10.0.0.1:5", "", "for=198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:5", "", `For="[2001:db8:1:2:3:4:5:6]:4711";proto=http;by=203.0.113.43`, "2001:db8:1:2::"},
		{"10.0.0.1:5", "", `for=203.0.113.1, for="198.51.100.1:80", for=10.0.0.7`, "198.51.100.1"},
		{"10.0.0.1:5", "", "for=198.51.100.1, for=_hidden", "10.0.0.1"},
		{"10.0.0.1:5", "", "proto=https", "10.0.0.1"},
		{"10.0.0.1:5", "198.51.100.1", "for=198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:5", "198.51.100.1", "for=198.51.100.2", "10.0.0.1"},
		{"10.0.0.1:5", ",,", ";;,", "10.0.0.1"},
	}
	for _, test := range tests {
		r := &http.Request{RemoteAddr: test.remote, Header: make(http.Header)}
		if test.plain != "" {
			r.Header.Set("X-Forwarded-For", test.plain)
		}
		if test.forwarded != "" {
			r.Header.Set("Forwarded", test.forwarded)
		}
		if got := customer(h.clientAddr(r)).String(); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// TestGuardAPI: refused with 403, or told in the answer.
func TestGuardAPI(t *testing.T) {
	g := newGateway(t)
	wantError(t, "denied", g.do(t, "POST", "/otp", `{"phoneNumber":"+46700000001"}`, "X-API-KEY", thirdKey), 403, 1012, "access_denied")
	r := g.do(t, "POST", "/otp", `{"phoneNumber":"+46700000001"}`, "X-API-KEY", fourthKey)
	if risk, _ := json.Marshal(r.body["risk"]); r.status != 201 || string(risk) != `["country"]` {
		t.Errorf("%d %s", r.status, r.text)
	}
	wantError(t, "webOtpDomain", g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","webOtpDomain":"/"}`), 400, 2032, "invalid_param")
	wantError(t, "appHash", g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","appHash":"/"}`), 400, 2033, "invalid_param")
}

// TestNamedLimits: messages are counted by what the caller names, over all daemons, and the refusal says
// which it was.
func TestNamedLimits(t *testing.T) {
	g := newGateway(t)
	second := g.twin(t)
	post := func(g *gateway, limits string) reply {
		return g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","limits":`+limits+`}`)
	}
	for i, daemon := range []*gateway{g, second} {
		if r := post(daemon, `{"ip":"192.0.2.7","session":"s`+strconv.Itoa(i)+`"}`); r.status != 201 {
			t.Fatalf("%d %s", r.status, r.text)
		}
	}
	r := post(second, `{"ip":"192.0.2.7","session":"s3"}`)
	wantError(t, "third of the address", r, 429, 1008, "rate_limit")
	wantLimited(t, r, 2, 10*time.Minute)
	if !strings.Contains(r.text, "Too many messages for this ip: at most 2 in 10 minutes") {
		t.Error(r.text)
	}
	for range 3 { // the refused one counts for nothing
		if r := post(g, `{"session":"s3"}`); r.status != 201 {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
	if r := post(g, `{"session":"s3"}`); r.status != 429 || !strings.Contains(r.text, "this session: at most 3 in 1 hour") {
		t.Errorf("%d %s", r.status, r.text)
	}
	for _, fine := range []string{`{"ip":"192.0.2.8"}`, `{}`, `null`} {
		if r := post(g, fine); r.status != 201 {
			t.Errorf("%s: %d %s", fine, r.status, r.text)
		}
	}
	for _, bad := range []string{`{"device":"a"}`, `{"ip":""}`, `{"ip":7}`, `{"ip":null}`, `["ip"]`, `"ip"`, `{"ip":"` + strings.Repeat("a", 256) + `"}`} {
		wantError(t, bad, post(g, bad), 400, 2042, "invalid_param")
	}
	g.advance(10 * time.Minute)
	if r := post(g, `{"ip":"192.0.2.7"}`); r.status != 201 {
		t.Errorf("when it is over: %d %s", r.status, r.text)
	}
	if strings.Contains(g.log.String(), "192.0.2.7") {
		t.Error("the log has the address")
	}
}

// TestNamedLimitsAtOnce: of many requests at once on two daemons exactly as many pass as may.
func TestNamedLimitsAtOnce(t *testing.T) {
	g := newGateway(t)
	daemons := []*gateway{g, g.twin(t)}
	var passed atomic.Int32
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			if r := daemons[i%2].do(t, "POST", "/otp", `{"phoneNumber":"+336123456`+strconv.Itoa(10+i)+`","limits":{"ip":"a","session":"b"}}`); r.status == 201 {
				passed.Add(1)
			} else {
				wantError(t, "over", r, 429, 1008, "rate_limit")
			}
		})
	}
	wg.Wait()
	if passed.Load() != 2 {
		t.Errorf("%d passed, 2 may", passed.Load())
	}
}
