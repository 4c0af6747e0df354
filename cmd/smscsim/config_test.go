package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sim.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const carrier = `{
	"smpp": "127.0.0.1:0", "http": "off", "receiptDelay": "500ms", "keep": 77, "seed": 9, "magic": false, "idFormat": "hex",
	"limits": {"throughput": 100, "window": 10, "latency": {"kind": "normal", "mean": "40ms", "dev": "10ms"}},
	"accounts": [{"systemId": "alice", "password": "secret1", "limits": {"maxBinds": 2}}],
	"rules": [{"match": {"to": "+4917"}, "share": 0.1, "submit": {"status": "RTHROTTLED"}}, {"receipt": {"format": "upper"}}]
}`

func TestConfigFile(t *testing.T) {
	path := write(t, carrier)
	o, err := command{
		args:   []string{"-config", path, "-keep", "5"},
		getenv: env(map[string]string{"SMSCSIM_SEED": "11", "SMSCSIM_KEEP": "6"}), stderr: io.Discard,
	}.config()
	if err != nil {
		t.Fatal(err)
	}
	if o.Keep != 5 || o.Seed != 11 || o.ReceiptDelay != 500*time.Millisecond || !o.NoMagic || o.IDFormat != smsc.IDHex || o.HTTPAddr != "" {
		t.Errorf("flags win over the environment, that over the file: %+v", o.Config)
	}
	if len(o.AccountList) != 1 || o.AccountList[0].Limits.MaxBinds != 2 || o.Limits.Window != 10 || o.Limits.Latency.Mean != 40*time.Millisecond {
		t.Errorf("accounts %+v, limits %+v", o.AccountList, o.Limits)
	}
	if len(o.Rules) != 2 || *o.Rules[0].Share != 0.1 || wire.Status(*o.Rules[0].Submit.Status) != wire.StatusThrottled {
		t.Errorf("rules %+v", o.Rules)
	}
	srv, err := smsc.Start(o.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestUsageExampleIsRight: the file in the help is one that is taken.
func TestUsageExampleIsRight(t *testing.T) {
	_, rest, _ := strings.Cut(usage, "the first that matches decides:\n")
	example, _, _ := strings.Cut(rest, "\n\n")
	o, err := command{args: []string{"-config", write(t, example)}, getenv: env(nil), stderr: io.Discard}.config()
	if err != nil || len(o.Rules) != 4 {
		t.Errorf("%+v, %v", o.Rules, err)
	}
	for _, s := range settings {
		if !strings.Contains(usage, "-"+s.flag+" ") || !strings.Contains(usage, s.env+" ") || s.file != "" && !strings.Contains(usage, "["+s.file+"]") {
			t.Errorf("the help lacks %s", s.flag)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	tests := []struct {
		name, file string
		args       []string
		want       []string
	}{
		{"no file", "", []string{"-config", "nowhere.json"}, []string{"-config", "nowhere.json"}},
		{"no JSON", "{", nil, []string{"no JSON object"}},
		{"unknown setting", `{"nonsense": 1}`, nil, []string{"nonsense: there is no such setting"}},
		{"slips", `{"reciptDelay": 1, "rules": [{"match": {"too": "1"}}], "limits": {"thruput": 1}, "accounts": [{"systemid": "a", "pass": "b"}]}`, nil,
			[]string{`reciptDelay: there is no such setting; the nearest is "receiptDelay"`, `rules[0].match.too: is no field here; the nearest is "to"`,
				`limits: thruput: is no field here; the nearest is "throughput"`, `accounts: [0].pass: is no field here; the nearest is "password"`}},
		{"wrong values, all at once", `{"keep": 0, "receiptDelay": "soon", "magic": "maybe", "idFormat": "roman", "seed": -1}`, nil,
			[]string{"sim.json: keep: want a number", "receiptDelay: want a duration", `magic: "maybe" is none of`, "idFormat", "seed"}},
		{"an object for a string", `{"smpp": {}}`, nil, []string{"smpp: want a string"}},
		{"wrong rule", `{"rules": [{}, {"share": 2}]}`, nil, []string{"rules[1].share: 2 is not within"}},
		{"wrong account", `{"accounts": [{"systemID": "a", "nonsense": 1}]}`, nil, []string{"accounts: ", "nonsense"}},
		{"wrong limits", `{"limits": {"latency": {"kind": 1}}}`, nil, []string{"limits: "}},
		{"key without certificate", "", []string{"-tls", "127.0.0.1:0", "-tls-key", "k"}, []string{"one is of no use"}},
		{"certificate without TLS", "", []string{"-tls-write", "c"}, []string{"-tls: is off"}},
		{"certificate that is none", "", []string{"-tls", "127.0.0.1:0", "-tls-key", "k", "-tls-cert", "c"}, []string{"-tls-cert, -tls-key"}},
		{"unknown format", "", []string{"-receipt-format", "nice"}, []string{"-receipt-format, SMSCSIM_RECEIPT_FORMAT", "standard, text-only"}},
		{"wrong outbind", "", []string{"-outbind", "nowhere"}, []string{"-outbind"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := tt.args
			if tt.file != "" {
				args = append(args, "-config", write(t, tt.file))
			}
			_, err := command{args: args, getenv: env(nil), stderr: io.Discard}.config()
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v lacks %q", err, want)
				}
			}
		})
	}
}

func TestTell(t *testing.T) {
	for what, want := range map[string]string{"magic": "...9008  connection closed", "formats": "  hex-upper\n      462D53C8ABAC0\n",
		"pics": "| schedule_delivery_time [5.2.15] | 1 to 17 | the message is delivered then"} {
		var out bytes.Buffer
		if status := (command{args: []string{what}, stdout: &out}).run(context.Background()); status != exitOK || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %d, %q", what, status, out.String())
		}
	}
}

// TestTLSAndOutbind: the certificate that is written is trusted by a client, and an outbind reaches its peer.
func TestTLSAndOutbind(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cert := filepath.Join(t.TempDir(), "ca.pem")
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	status := make(chan int)
	go func() {
		defer w.Close()
		c := command{
			args:   []string{"-smpp=127.0.0.1:0", "-http=off", "-tls=127.0.0.1:0", "-tls-write", cert, "-outbind", ln.Addr().String()},
			getenv: env(nil), stdout: w, stderr: io.Discard,
		}
		status <- c.run(ctx)
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`SMPP on \S+, over TLS on (\S+), any`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("printed %q", line)
	}
	pem, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	conn, err := tls.Dial("tcp", m[1], &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if f, err := wire.ReadFrame(peer); err != nil || f.Command != wire.Outbind {
		t.Errorf("got %+v, %v", f, err)
	}
	peer.Close()
	cancel()
	if got := <-status; got != exitOK {
		t.Errorf("exit status %d", got)
	}
}
