package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestKratosSignsIn: somebody signs in to a real Ory Kratos by telephone. Kratos makes and checks the code,
// the gateway sends it over SMPP, and the simulator is the phone.
func TestKratosSignsIn(t *testing.T) {
	t.Parallel()
	kratos, err := exec.LookPath("kratos")
	if err != nil {
		t.Skip("Ory Kratos is not tried: there is no kratos 1.3 or newer in the path (built with -tags sqlite from github.com/ory/kratos, or from its releases)")
	}
	sim := startSMSC(t, smsc.Config{SMPPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0"})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_APP_SHOP_TEMPLATE": "{{pin}} is your code for the shop"}))
	public, admin := startKratos(t, kratos, d.HTTP)
	c := client(t)
	phone := number(1)
	mustCall(t, c, "POST", admin+"/admin/identities", fmt.Sprintf(`{"schema_id":"person","traits":{"phone":%q}}`, phone), http.StatusCreated)
	var flow struct{ ID string }
	mustCall(t, c, "GET", public+"/self-service/login/api", "", http.StatusOK).json(t, &flow)
	login := public + "/self-service/login?flow=" + flow.ID
	// 400 is Kratos's way to ask for the next thing: the code.
	mustCall(t, c, "POST", login, fmt.Sprintf(`{"method":"code","identifier":%q}`, phone), http.StatusBadRequest)
	code, err := received("http://"+sim.HTTPAddr(), phone)
	if err != nil {
		t.Fatal(err)
	}
	var session struct {
		Token string `json:"session_token"`
	}
	mustCall(t, c, "POST", login, fmt.Sprintf(`{"method":"code","identifier":%q,"code":%q}`, phone, code), http.StatusOK).json(t, &session)
	if session.Token == "" {
		t.Error("nobody is signed in")
	}
}

// startKratos runs Kratos with an identity that signs in by telephone, and its courier.
func startKratos(t *testing.T, program, gateway string) (public, admin string) {
	t.Helper()
	public, admin = freeAddress(t), freeAddress(t)
	text, err := os.ReadFile("testdata/kratos.yml")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := filepath.Abs("testdata/kratos.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	port := func(address string) string { _, p, _ := net.SplitHostPort(address); return p }
	config := strings.NewReplacer("PUBLICPORT", port(public), "PUBLIC", public, "ADMINPORT", port(admin), "ADMIN", admin,
		"SCHEMA", schema, "OTPGW", gateway, "KEY", "key").Replace(string(text))
	file := filepath.Join(t.TempDir(), "kratos.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "serve", "-c", file, "--watch-courier", "--dev")
	cmd.Env = append(os.Environ(), "SQA_OPT_OUT=true")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Kratos printed:\n%s", out.String())
		}
	})
	public, admin = "http://"+public, "http://"+admin
	c := client(t)
	await.That(t, "Kratos is ready", func() bool {
		a, err := call(c, "GET", public+"/health/ready", "")
		return err == nil && a.status == http.StatusOK
	})
	return public, admin
}

// freeAddress is one that nobody listens on: Kratos does not say which it took.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
