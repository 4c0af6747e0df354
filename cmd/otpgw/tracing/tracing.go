// Package tracing tells an OpenTelemetry collector of the way of an OTP, from the request to the callback,
// where OTEL_EXPORTER_OTLP_ENDPOINT names one.
//
//	POST (traceparent, if it has one) -> span request -> 25 octets in the OTP's record, its message and its events
//	submit_sm_resp                    -> spans queue and submit
//	receipt                           -> span receipt
//	callback                          -> span callback -> traceparent of its request
//
// The spans of one OTP are one trace, whichever daemons work on it, and however long it takes. No attribute
// has a PIN, a text or a number. A nil *Tracer is off: its methods return at once, and nothing is stored.
// What the collector does not take in time is dropped; nothing of the gateway waits for it.
package tracing

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/otpgw/otpgw/queue"
)

// Config says where traces go.
type Config struct {
	Endpoint string            // base URL of an OTLP/HTTP receiver
	Headers  map[string]string // of each request to it
	Service  string            // service.name
	Share    float64           // of the requests that bring no decision of their own, how many are traced; 0 to 1
	Version  string
}

// exportTimeout bounds one request to the collector.
const exportTimeout = 5 * time.Second

// Tracer makes spans. Make it with New.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New returns a tracer, nil when there is no endpoint. Close ends it.
func New(ctx context.Context, c Config) (*Tracer, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(c.Endpoint, "/")+"/v1/traces"),
		otlptracehttp.WithHeaders(c.Headers), otlptracehttp.WithTimeout(exportTimeout))
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Share))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", c.Service), attribute.String("service.version", c.Version))))
	return &Tracer{provider, provider.Tracer("github.com/otpgw/otpgw")}, nil
}

// Close sends what is left, until ctx ends.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// packed is how many octets a context takes: trace id, span id, flags.
const packed = 16 + 8 + 1

func pack(s trace.SpanContext) []byte {
	if !s.IsSampled() {
		return nil // nobody will look at it
	}
	id, span := s.TraceID(), s.SpanID()
	return append(append(append(make([]byte, 0, packed), id[:]...), span[:]...), byte(s.TraceFlags()))
}

func unpack(b []byte) (s trace.SpanContext, ok bool) {
	if len(b) != packed {
		return s, false
	}
	s = trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID(b[:16]), SpanID: trace.SpanID(b[16:24]), TraceFlags: trace.TraceFlags(b[24]), Remote: true})
	return s, s.IsValid()
}

var wire = propagation.TraceContext{}

// Requests makes a span of each request of the API that is served by next.
func (t *Tracer) Requests(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := wire.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, nameOf(r), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("http.request.method", method(r))))
		defer span.End()
		seen := &status{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(seen, r.WithContext(ctx))
		span.SetAttributes(attribute.Int("http.response.status_code", seen.code))
		if seen.code >= 500 {
			span.SetStatus(codes.Error, http.StatusText(seen.code))
		}
	})
}

// status remembers what was answered.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController through.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func method(r *http.Request) string {
	switch r.Method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return r.Method
	}
	return "_OTHER"
}

// known are the first words of the paths that a span is named by; another is a caller's own.
var known = map[string]bool{"otp": true, "oauth": true, "applications": true, "conversion": true, "hooks": true}

// nameOf is the method and the path with ids taken out.
func nameOf(r *http.Request) string {
	words := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if !known[words[0]] || len(words) > 3 {
		return method(r)
	}
	for i, word := range words {
		switch {
		case uuid.Validate(word) == nil:
			words[i] = "{id}"
		case i > 0 && len(word) > 16:
			return method(r)
		}
	}
	return method(r) + " /" + strings.Join(words, "/")
}

// Keep is what the OTP that a request makes carries with it.
func (t *Tracer) Keep(ctx context.Context, otpID string) []byte {
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.String("otpgw.otp", otpID))
	return pack(span.SpanContext())
}

// one makes a span that is over.
func (t *Tracer) one(of []byte, name string, kind trace.SpanKind, begun, ended time.Time, fault string, with ...attribute.KeyValue) {
	parent, ok := unpack(of)
	if !ok {
		return
	}
	_, span := t.tracer.Start(trace.ContextWithSpanContext(context.Background(), parent), name, trace.WithSpanKind(kind), trace.WithTimestamp(begun), trace.WithAttributes(with...))
	if fault != "" {
		span.SetStatus(codes.Error, fault)
	}
	if ended.Before(begun) { // two machines' clocks
		ended = begun
	}
	span.End(trace.WithTimestamp(ended))
}

// Submit is one part of a message over a link.
type Submit struct {
	Link, ID    string // ID is the carrier's
	Part, Parts int
	Sent        time.Time
	Took        time.Duration
	Fault       string // empty: it was taken
}

// Submitted tells of a part, and with the first of how long its message had waited.
func (t *Tracer) Submitted(m *queue.Outbound, s Submit) {
	if t == nil || len(m.Trace) == 0 {
		return
	}
	if s.Part <= 1 {
		t.one(m.Trace, "queue "+m.Route, trace.SpanKindInternal, m.Created, s.Sent, "", attribute.String("otpgw.otp", m.Ref), attribute.String("otpgw.message", m.ID))
	}
	t.one(m.Trace, "submit_sm "+s.Link, trace.SpanKindClient, s.Sent, s.Sent.Add(s.Took), s.Fault, attribute.String("otpgw.otp", m.Ref), attribute.String("otpgw.message", m.ID),
		attribute.String("otpgw.link", s.Link), attribute.String("otpgw.carrier_id", s.ID), attribute.Int("otpgw.part", s.Part), attribute.Int("otpgw.parts", s.Parts))
}

// Receipt tells of a receipt.
func (t *Tracer) Receipt(of []byte, otpID, link, state string, received time.Time) {
	if t == nil || len(of) == 0 {
		return
	}
	t.one(of, "receipt "+state, trace.SpanKindServer, received, time.Now(), "", attribute.String("otpgw.otp", otpID), attribute.String("otpgw.link", link), attribute.String("otpgw.state", state))
}

// Callback begins the span of a callback's request, of the OTPs whose contexts are given: the first is its
// parent, the others are linked. It returns the header traceparent of the request, and what ends the span.
func (t *Tracer) Callback(of [][]byte, event, host string) (traceparent string, end func(status int, err error)) {
	var links []trace.Link
	for _, one := range of {
		if s, ok := unpack(one); ok {
			links = append(links, trace.Link{SpanContext: s})
		}
	}
	if t == nil || len(links) == 0 {
		return "", func(int, error) {}
	}
	ctx, span := t.tracer.Start(trace.ContextWithSpanContext(context.Background(), links[0].SpanContext), "callback "+event, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithLinks(links[1:]...), trace.WithAttributes(attribute.String("server.address", host), attribute.Int("otpgw.otps", len(of))))
	header := make(http.Header)
	wire.Inject(ctx, propagation.HeaderCarrier(header))
	return header.Get("traceparent"), func(status int, err error) {
		switch {
		case err != nil:
			span.SetStatus(codes.Error, "no answer")
		case status >= 300:
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		if status != 0 {
			span.SetAttributes(attribute.Int("http.response.status_code", status))
		}
		span.End()
	}
}
