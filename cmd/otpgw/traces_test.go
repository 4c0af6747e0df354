package main

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// otlpReceiver is what an OpenTelemetry collector does with traces over OTLP/HTTP.
type otlpReceiver struct {
	t   *testing.T
	mu  sync.Mutex
	all []*otlp.Span
	raw []byte
	who string // service.name
}

func (o *otlpReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("X-Tenant") != "a b" {
		o.t.Errorf("%s %v: %v", r.URL, r.Header, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.raw = append(o.raw, body...)
	for _, resource := range request.ResourceSpans {
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				o.who = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			o.all = append(o.all, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// spans are those of a trace, by name.
func (o *otlpReceiver) spans(trace string) map[string]*otlp.Span {
	o.mu.Lock()
	defer o.mu.Unlock()
	byName := make(map[string]*otlp.Span)
	for _, s := range o.all {
		if hex.EncodeToString(s.TraceId) == trace {
			byName[s.Name] = s
		}
	}
	return byName
}

// TestTraces: the way of an OTP is one trace at the collector, from the caller's traceparent to that of the
// callback, without a number, a PIN or the text; and a request that its caller does not have traced is not.
func TestTraces(t *testing.T) {
	t.Parallel()
	at := &otlpReceiver{t: t}
	receiver := httptest.NewServer(at)
	defer receiver.Close()
	var mu sync.Mutex
	var told []string
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, r.Header.Get("Traceparent"))
	}))
	defer app.Close()
	sim := startSMSC(t, smsc.Config{})
	d := startBound(t, env(t.TempDir(), sim.Addr(), map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL, "OTEL_EXPORTER_OTLP_HEADERS": "X-Tenant=a%20b",
		"OTEL_SERVICE_NAME": "gateway-1", "OTPGW_APP_SHOP_CALLBACK_URL": app.URL}))
	post := func(to, traceparent string) (o created) {
		t.Helper()
		req, err := http.NewRequest("POST", d.HTTP+"/otp", strings.NewReader(`{"phoneNumber":"`+to+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-KEY", "key")
		req.Header.Set("Traceparent", traceparent)
		resp, err := client(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer{resp.StatusCode, resp.Header, body}.json(t, &o)
		return o
	}
	const trace, not = "0af7651916cd43dd8448eb211c80319c", "1bf7651916cd43dd8448eb211c80319c"
	post("+46701740606", "00-"+not+"-b7ad6b7169203331-00")
	waitSMS(t, sim, "+46701740606")
	o := post("+46701740605", "00-"+trace+"-b7ad6b7169203331-01")
	sms := waitSMS(t, sim, "+46701740605")
	await.That(t, "the callback has the trace", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(strings.Join(told, " "), "00-"+trace)
	})
	if code := d.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	spans := at.spans(trace)
	want := []string{"POST /otp", "queue default", "submit_sm carrier", "receipt DELIVRD", "callback dlr_update"}
	for _, name := range want {
		s := spans[name]
		if s == nil {
			t.Fatalf("no span %q in %v", name, spans)
		}
		parent := hex.EncodeToString(s.ParentSpanId)
		if name == "POST /otp" && parent != "b7ad6b7169203331" || name != "POST /otp" && parent != hex.EncodeToString(spans["POST /otp"].SpanId) {
			t.Errorf("the parent of %s is %s", name, parent)
		}
		if s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s ends before it begins", name)
		}
	}
	if strings.Join(told, " ") == "" || !strings.Contains(strings.Join(told, " "), hex.EncodeToString(spans["callback dlr_update"].SpanId)) {
		t.Errorf("the callback's traceparent is not of its span: %v", told)
	}
	if len(at.spans(not)) != 0 || at.who != "gateway-1" {
		t.Errorf("of what is not to be traced %v; service %q", at.spans(not), at.who)
	}
	if !strings.Contains(string(at.raw), o.OtpID) {
		t.Error("the id of the OTP is in no attribute")
	}
	for _, secret := range []string{"46701740605", "701740605", sms.Code, sms.Text} {
		if strings.Contains(string(at.raw), secret) {
			t.Errorf("%q is in the traces", secret)
		}
	}
}
