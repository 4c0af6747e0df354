package smsc_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
)

// TestJavaClients runs testdata/java: jSMPP and Cloudhopper, clients that we did not write, with every
// operation they have, right and wrong.
func TestJavaClients(t *testing.T) {
	t.Parallel()
	java, jars := javaClients(t)
	for _, program := range []string{"JsmppClient", "CloudhopperClient"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			srv := esmetest.Start(t, smsc.Config{Accounts: map[string]string{"alice": "secret"}})
			host, port, _ := strings.Cut(srv.Addr(), ":")
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, java, "-cp", filepath.Join(jars, "*"),
				filepath.Join("testdata", "java", program+".java"), host, port).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "done") {
				t.Fatalf("%v\n%s", err, out)
			}
			for to, want := range map[string]string{
				"491701234567": "Your code is 4711", "491700009011": "replaced 4713", "491701234569": "scheduled 4714",
				"491701234570": "by data 4715",
			} {
				if m := esmetest.Wait(t, srv, to); m.Text != want || m.From != "Verify" || m.Parts != 1 {
					t.Errorf("%s: %q from %q in %d parts, want %q", to, m.Text, m.From, m.Parts, want)
				}
			}
			if m := esmetest.Wait(t, srv, "491701234568"); m.Parts != 4 {
				t.Errorf("a message_payload of 500 octets is %d parts, want 4", m.Parts)
			}
		})
	}
}

// javaClients downloads the clients with Maven to where the test run ends with them; the test is skipped
// where that cannot be done.
func javaClients(t *testing.T) (java, jars string) {
	t.Helper()
	if testing.Short() {
		t.Skip("downloads Java packages: run without -short")
	}
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("there is no java: install a JDK (apt-get install default-jdk-headless) to test against jSMPP and Cloudhopper")
	}
	if _, err := exec.LookPath("javac"); err != nil {
		t.Skip("there is no javac: install a JDK, not only a JRE (apt-get install default-jdk-headless), to test against jSMPP and Cloudhopper")
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		t.Skip("there is no mvn: install Maven (apt-get install maven) to test against jSMPP and Cloudhopper")
	}
	jars = t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, mvn, "-q", "-B", "-f", filepath.Join("testdata", "java", "pom.xml"),
		"org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies", "-DoutputDirectory="+jars).CombinedOutput()
	if err != nil {
		t.Skipf("Maven cannot download the clients (%v): make a Maven repository reachable to test against them\n%s", err, out)
	}
	return java, jars
}
