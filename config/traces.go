package config

import (
	"net/url"
	"strings"
)

// Traces says where OpenTelemetry traces go. The names of its variables are OpenTelemetry's own.
type Traces struct {
	Endpoint string // empty: nowhere
	Headers  map[string]string
	Service  string
	Share    float64 // of the requests, 0 to 1
}

// collector is the base URL of an OTLP/HTTP receiver.
func (v *value) collector() string {
	text := v.trim()
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		v.bad(text, "an http or https URL like http://localhost:4318")
		return ""
	}
	return text
}

// headers are name=value, comma-separated, percent-encoded as OpenTelemetry has them.
func (v *value) headers() map[string]string {
	headers := make(map[string]string)
	for one := range strings.SplitSeq(v.text, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		name, text, ok := strings.Cut(one, "=")
		value, err := url.PathUnescape(strings.TrimSpace(text))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil || strings.ContainsAny(name+value, "\r\n") {
			v.fault("each header has to be name=value, comma-separated")
			return nil
		}
		headers[name] = value
	}
	return headers
}
