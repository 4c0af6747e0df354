package smsc_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
)

// TestNodeClient runs testdata/client.js, which uses the npm package smpp: a client that we did not write. It
// does every operation, and meets a few magic numbers.
func TestNodeClient(t *testing.T) {
	node, modules := nodeSMPP(t)
	t.Run("plain", func(t *testing.T) { nodeClient(t, node, modules, false) })
	t.Run("TLS", func(t *testing.T) { nodeClient(t, node, modules, true) })
}

func nodeClient(t *testing.T, node, modules string, tls bool) {
	srv := esmetest.Start(t, smsc.Config{Accounts: map[string]string{"alice": "secret"}, TLSAddr: "127.0.0.1:0"})
	url, ca := "smpp://"+srv.Addr(), filepath.Join(t.TempDir(), "ca.pem")
	if tls {
		url = "ssmpp://" + srv.TLSAddr()
	}
	if err := os.WriteFile(ca, srv.TLSCertificate(), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, filepath.Join("testdata", "client.js"), url)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "NODE_EXTRA_CA_CERTS="+ca)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for to, want := range map[string]string{
		"491701234567": "Your code is 4711", "359888123456": "Ваш код 4712", "491700000001": strings.Repeat("long ", 60),
		"491700000002": "by data 4713", "491700000003": "to two 4715", "491700009011": "replaced 4714",
	} {
		if m := esmetest.Wait(t, srv, to); m.Text != want || m.Account != "alice" || m.From != "Verify" {
			t.Errorf("%s: %q from %q, want %q", to, m.Text, m.From, want)
		}
	}
	checkNodeReceipts(t, out)
}

// checkNodeReceipts compares the receipts that the client got with the ids it was answered.
func checkNodeReceipts(t *testing.T, out []byte) {
	t.Helper()
	type receipt struct {
		Class int
		Text  string
		ID    string
		State int
	}
	states := map[string]receipt{}
	ids := map[string]string{}
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		kind, js, _ := strings.Cut(s.Text(), " ")
		var r receipt
		switch kind {
		case "receipt":
			if err := json.Unmarshal([]byte(js), &r); err != nil {
				t.Fatal(err)
			}
			states[strings.TrimRight(r.ID, "\x00")] = r
		case "ids":
			if err := json.Unmarshal([]byte(js), &ids); err != nil {
				t.Fatal(err)
			}
		}
	}
	for to, want := range map[string]int{
		"491701234567": 2, "359888123456": 2, "491700000002": 2, "491700009001": 5, "491700009005": 2, "491700009019": 2,
	} {
		r, ok := states[ids[to]]
		if !ok || r.State != want || r.Class != 4 || (to == "491700009019") != (r.Text == "data_sm") {
			t.Errorf("%s: id %s has the receipt %+v, want state %d; all is\n%s", to, ids[to], r, want, out)
		}
	}
}

// nodeSMPP installs the npm package smpp where the test run ends with it; the test is skipped where that
// cannot be done.
func nodeSMPP(t *testing.T) (node, modules string) {
	t.Helper()
	if testing.Short() {
		t.Skip("installs an npm package: run without -short")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node: install Node.js with npm to test against the npm package smpp")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("there is no npm: install it to test against the npm package smpp")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts",
		"--fetch-retries", "0", "--fetch-timeout", "10000", "smpp@0.5.1")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install smpp (%v): make an npm registry reachable to test against it\n%s", err, out)
	}
	return node, filepath.Join(dir, "node_modules")
}
