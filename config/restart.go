package config

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// restarts are the variables that a reload leaves as they were at the start, by why it does.
var restarts = []struct {
	why   string
	names []string
}{
	{"its port is listened on from the start", []string{"OTPGW_HTTP_ADDR", "OTPGW_ADMIN_ADDR"}},
	{"a listener speaks HTTPS or not from the start; what the file holds is read again when it changes",
		[]string{"OTPGW_TLS_CERT_FILE", "OTPGW_TLS_KEY_FILE", adminCertFile, "OTPGW_ADMIN_TLS_KEY_FILE"}},
	{"the store is opened with it", []string{"OTPGW_DATA_DIR", "OTPGW_NATS_URL", "OTPGW_NATS_CREDS", "OTPGW_NATS_REPLICAS", "OTPGW_NATS_SYNC", "OTPGW_STORE_SIZE"}},
	{"who listens goes by the subjects of the start", []string{"OTPGW_NATS_EVENTS"}},
	{"what is stored is sealed with the keys of the start", []string{"OTPGW_SECRET_KEY", "OTPGW_SECRET_KEYS_OLD"}},
	{"the log is in one form from the start on", []string{"OTPGW_LOG_FORMAT"}},
	{"the collector is connected to at the start", []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_SERVICE_NAME", "OTEL_TRACES_SAMPLER_ARG"}},
}

// Restart says why a reload does not change a variable; empty: it does.
func Restart(name string) (why string) {
	for _, r := range restarts {
		if slices.Contains(r.names, name) {
			return r.why
		}
	}
	return ""
}

// PrintRestarts writes, as comments, what a reload does not change.
func PrintRestarts(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# what is changed in the file is in force after a reload, but for these, which take a restart:\n")
	for _, r := range restarts {
		fmt.Fprintf(&b, "#   %s: %s\n", strings.Join(r.names, ", "), r.why)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
