package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
)

// TestPortTaken: a second gateway, and a second demo, say that something listens there already and by which
// variable to choose another port.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	for name, c := range map[string]struct {
		args    []string
		environ []string
		want    []string
	}{
		"demo": {[]string{"-demo"}, []string{"SMSCSIM_SMPP_ADDR=" + taken, "SMSCSIM_HTTP_ADDR=127.0.0.1:0"}, []string{"another demo?", "SMSCSIM_SMPP_ADDR", "OTPGW_ADMIN_ADDR"}},
		"gateway": {nil, assignments(env(t.TempDir(), "127.0.0.1:1", map[string]string{"OTPGW_HTTP_ADDR": taken})),
			[]string{"another program listens there", "give OTPGW_HTTP_ADDR another port"}},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), c.args, c.environ, &stdout, &stderr); code != exitFailed {
			t.Errorf("%s: exit status %d: %s", name, code, &stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: no %q in %s", name, want, &stderr)
			}
		}
	}
}
