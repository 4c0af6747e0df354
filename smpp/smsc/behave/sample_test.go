package behave_test

import (
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

// TestSamples: every name has a sample, none looks like another, and those of receipts say what their name
// says.
func TestSamples(t *testing.T) {
	seen := make(map[string]string)
	check := func(name, sample string) {
		t.Helper()
		if sample == "" || strings.ContainsAny(sample, "\n\x00") {
			t.Errorf("%s: %q", name, sample)
		}
		if other, ok := seen[sample]; ok {
			t.Errorf("%s looks like %s: %s", name, other, sample)
		}
		seen[sample] = name
	}
	for _, f := range behave.ReceiptFormats() {
		check(string(f), f.Sample())
	}
	for _, f := range behave.IDFormats() {
		check(string(f), f.Sample())
	}
	for _, m := range behave.MalformedKinds() {
		check("malformed "+string(m), m.Sample())
	}
	for _, f := range behave.FaultKinds() {
		check("fault "+string(f), f.Sample())
	}
	for f, want := range map[behave.ReceiptFormat]string{
		behave.FormatUnderscores: "message_id:1234567890123456 sub:001 dlvrd:000 submit_date:2611231030",
		behave.FormatStateFirst:  "stat:UNDELIV err:027",
		behave.FormatTLVOnly:     "[receipted_message_id 31 32",
		behave.FormatLines:       `id:1234567890123456\r\nsub:001`,
		behave.FormatUCS2:        "[data_coding 8",
		behave.FormatHexErr:      "err:0x1b",
	} {
		if got := f.Sample(); !strings.HasPrefix(got, want) && !strings.Contains(got, want) {
			t.Errorf("%s: %s", f, got)
		}
	}
}
