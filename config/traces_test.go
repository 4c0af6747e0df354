package config

import (
	"strings"
	"testing"
)

// TestTraces: where traces go, and what is wrong with it is said without the header, which may be a key.
func TestTraces(t *testing.T) {
	c := mustLoad(t, with("OTEL_EXPORTER_OTLP_ENDPOINT=https://collector.example:4318/otlp", "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20x, X-Tenant = a", "OTEL_TRACES_SAMPLER_ARG=0.25"))
	if tr := c.Traces; tr.Endpoint != "https://collector.example:4318/otlp" || tr.Headers["Authorization"] != "Bearer x" || tr.Headers["X-Tenant"] != "a" ||
		tr.Share != 0.25 || tr.Service != "otpgw" || len(c.Warnings) != 0 {
		t.Errorf("%+v %v", tr, c.Warnings)
	}
	if text := c.String(); strings.Contains(text, "Bearer") {
		t.Error("a header is printed")
	}
	for _, wrong := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT=http://", "OTEL_EXPORTER_OTLP_HEADERS=hush", "OTEL_TRACES_SAMPLER_ARG=2"} {
		_, err := loadMap(with(wrong))
		name, value, _ := strings.Cut(wrong, "=")
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hush") && value == "hush" {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
