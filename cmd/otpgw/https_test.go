package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// writePair writes a certificate of this serial number, for 127.0.0.1, and its key.
func writePair(t *testing.T, dir string, serial int64, until time.Time) (cert *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "otpgw"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		DNSNames: []string{"otp.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.MkdirAll(dir, 0o700),
		os.WriteFile(filepath.Join(dir, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	if cert, parseErr := x509.ParseCertificate(der); err == nil && parseErr == nil {
		return cert
	}
	t.Fatal(err)
	return nil
}

// turn makes a link point elsewhere at once, as Kubernetes does when a mounted secret changes.
func turn(t *testing.T, link, to string) {
	t.Helper()
	if err := errors.Join(os.Symlink(to, link+".new"), os.Rename(link+".new", link)); err != nil {
		t.Fatal(err)
	}
}

// shown is the serial number of the certificate at an address.
func shown(t *testing.T, addr string) int64 {
	t.Helper()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	c, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestHTTPS: the API and the operator's port speak HTTPS, also by HTTP/2, with a certificate that is read
// again when its files change, by being written anew or by a link that is turned; a pair that is bad, or half
// written, leaves the old one in place and is told.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	dir := t.TempDir()
	first := writePair(t, filepath.Join(dir, "one"), 1, time.Now().Add(48*time.Hour))
	second := writePair(t, filepath.Join(dir, "two"), 2, time.Now().Add(48*time.Hour))
	live := filepath.Join(dir, "..data")
	turn(t, live, "one")
	vars := env(filepath.Join(dir, "data"), sim.Addr(), map[string]string{
		"OTPGW_TLS_CERT_FILE": filepath.Join(live, "tls.crt"), "OTPGW_TLS_KEY_FILE": filepath.Join(live, "tls.key"),
		"OTPGW_ADMIN_TLS_CERT_FILE": filepath.Join(live, "tls.crt"), "OTPGW_ADMIN_TLS_KEY_FILE": filepath.Join(live, "tls.key"),
	})
	d := startDaemon(t, vars)
	api, ops := strings.TrimPrefix(d.HTTP, "http://"), strings.TrimPrefix(d.Admin, "http://")
	roots := x509.NewCertPool()
	roots.AddCert(first)
	roots.AddCert(second)
	for _, version := range []int{1, 2} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: version == 2}
		if version == 1 {
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
		t.Cleanup(transport.CloseIdleConnections)
		c := &http.Client{Transport: transport, Timeout: testTimeout}
		resp, err := c.Get("https://" + api + "/otp")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.ProtoMajor != version {
			t.Errorf("HTTP/%d was spoken, want %d", resp.ProtoMajor, version)
		}
		mustCall(t, c, "POST", "https://"+api+"/otp", `{"phoneNumber":"`+number(version)+`"}`, 201)
		waitSMS(t, sim, number(version))
		mustBeReady(t, c, "https://"+ops)
	}

	turn(t, live, "two")
	await.That(t, "the certificate behind the turned link is shown", func() bool { return shown(t, api) == 2 && shown(t, ops) == 2 })
	if err := os.WriteFile(filepath.Join(dir, "two", "tls.crt"), []byte("half a cert"), 0o600); err != nil {
		t.Fatal(err)
	}
	await.That(t, "a bad certificate is told", func() bool {
		shown(t, api)
		return strings.Contains(d.stderr.String(), "the new certificate cannot be used")
	})
	if shown(t, api) != 2 {
		t.Error("a bad certificate took the good one's place")
	}
	writePair(t, filepath.Join(dir, "two"), 3, time.Now().Add(48*time.Hour))
	await.That(t, "a certificate written anew is shown", func() bool { return shown(t, api) == 3 })

	at := []string{"OTPGW_ADMIN_ADDR=" + ops, "OTPGW_ADMIN_TOKEN=" + testAdminToken, "OTPGW_ADMIN_TLS_CERT_FILE=" + filepath.Join(live, "tls.crt")}
	if out, _ := ctl(t, at, exitOK, "links"); !strings.Contains(out, "carrier") {
		t.Errorf("otpgw ctl links: %s", out)
	}
}

// TestAdminAllow: callers of the operator's port come from the networks that are named, as the configuration
// has it at the time.
func TestAdminAllow(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	for _, test := range []struct {
		allow  string
		status int
	}{{"127.0.0.0/8", 200}, {"10.0.0.0/8,::1", 403}} {
		d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_ADMIN_ALLOW": test.allow}))
		mustCall(t, client(t), "GET", d.Admin+"/healthz", "", test.status)
	}
}

// TestCheckCertificate: check says whose a certificate is and until when, and refuses a pair that is none.
func TestCheckCertificate(t *testing.T) {
	dir := t.TempDir()
	writePair(t, filepath.Join(dir, "soon"), 1, time.Now().Add(72*time.Hour))
	writePair(t, filepath.Join(dir, "late"), 2, time.Now().Add(720*time.Hour))
	for _, test := range []struct {
		cert, key      string
		code           int
		stdout, stderr string
	}{
		{"late", "late", exitOK, "the certificate of otp.example, 127.0.0.1 is valid until 20", ""},
		{"soon", "soon", exitWarnings, "is valid until", "for 2 days"},
		{"soon", "late", exitUsage, "", "does not go with OTPGW_TLS_KEY_FILE"},
	} {
		vars := env(dir, "127.0.0.1:1", map[string]string{"OTPGW_APP_SHOP_API_KEYS": "key-of-more-than-twenty-letters",
			"OTPGW_TLS_CERT_FILE": filepath.Join(dir, test.cert, "tls.crt"), "OTPGW_TLS_KEY_FILE": filepath.Join(dir, test.key, "tls.key")})
		var environ []string
		for name, value := range vars {
			environ = append(environ, name+"="+value)
		}
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), []string{"check"}, environ, &stdout, &stderr)
		if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("%s and %s: status %d\n%s\n%s", test.cert, test.key, code, &stdout, &stderr)
		}
	}
}
