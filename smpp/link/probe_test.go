package link_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
)

func TestProbe(t *testing.T) {
	r := newRig(t, smsc.Config{})
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cases := []struct {
		name   string
		change func(*link.Config)
		want   []string
		fails  bool
	}{
		{"good", nil, []string{"resolve 127.0.0.1", "connect to", "bind as acc, transceiver: the SMSC is smscsim, interface_version 0x34", "enquire_link", "unbind"}, false},
		{"split", func(c *link.Config) { c.Bind = link.BindSplit }, []string{"bind as acc, transmitter", "bind as acc, receiver"}, false},
		{"wrong password", func(c *link.Config) { c.Password = "x" }, []string{"FAILED", "ESME_RINVPASWD", "SYSTEM_ID and PASSWORD"}, true},
		{"nothing listens", func(c *link.Config) { c.Addr = "127.0.0.1:1" }, []string{"FAILED", "connection refused", "firewalls"}, true},
		{"no such name", func(c *link.Config) { c.Addr = "smsc.invalid:2775" }, []string{"FAILED", "resolve smsc.invalid", "resolver"}, true},
		{"nobody speaks SMPP", func(c *link.Config) { c.Addr, c.ResponseTimeout = silent.Addr().String(), 200*time.Millisecond },
			[]string{"FAILED", "does not answer", "whether TLS is expected"}, true},
		{"source address of somebody else", func(c *link.Config) { c.SourceAddr = netip.MustParseAddr("192.0.2.7") }, []string{"from 192.0.2.7", "SOURCE_ADDR is no address of this machine"}, true},
		{"TLS where there is none", func(c *link.Config) { c.TLS = &tls.Config{ServerName: "smsc"}; c.Addr = plainServer(t) }, []string{"TLS handshake", "does not speak TLS"}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := link.Probe(ctx(t), r.config(c.change), &out)
			if (err != nil) != c.fails {
				t.Errorf("error %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in:\n%s", want, &out)
				}
			}
			if strings.Contains(out.String(), "secret") {
				t.Errorf("the password is shown:\n%s", &out)
			}
		})
	}
}

// plainServer answers every connection with an SMPP PDU.
func plainServer(t *testing.T) string {
	return serve(t, func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }, func(c net.Conn) {
		_, _ = c.Write([]byte{0, 0, 0, 16, 0x80, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0})
		_, _ = io.Copy(io.Discard, c)
	})
}

// serve runs a server of one goroutine a connection until the test ends.
func serve(t *testing.T, listen func() (net.Listener, error), handle func(net.Conn)) string {
	t.Helper()
	ln, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); handle(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return ln.Addr().String()
}

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, pool: x509.NewCertPool()}
	a.key = newKey(t)
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "carrier's authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(name string, until time.Time) tls.Certificate {
	a.t.Helper()
	key := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// behindTLS puts TLS before the rig's SMSC; clients need a certificate of the authority.
func (r *rig) behindTLS(a *authority, cert tls.Certificate) string {
	return serve(r.t, func() (net.Listener, error) {
		return tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool})
	}, func(c net.Conn) {
		inner, err := net.Dial("tcp", r.smsc.Addr())
		if err != nil {
			return
		}
		var back sync.WaitGroup
		back.Go(func() { _, _ = io.Copy(c, inner); c.Close() })
		_, _ = io.Copy(inner, c)
		inner.Close()
		back.Wait()
	})
}

// TestTLS: CA, client certificate and server name, each right and each wrong, and a message over the right
// ones.
func TestTLS(t *testing.T) {
	r := newRig(t, smsc.Config{})
	a, stranger := newAuthority(t), newAuthority(t)
	hour := time.Now().Add(time.Hour)
	good := r.behindTLS(a, a.sign("smsc.example.net", hour))
	expired := r.behindTLS(a, a.sign("smsc.example.net", time.Now().Add(-time.Hour)))
	ours := []tls.Certificate{a.sign("otpgw", hour)}
	cases := []struct {
		name, addr string
		tls        *tls.Config
		want       []string
		fails      bool
	}{
		{"good", good, &tls.Config{RootCAs: a.pool, ServerName: "smsc.example.net", Certificates: ours}, []string{"TLS handshake: TLS 1.3, certificate of CN=smsc.example.net", "unbind"}, false},
		{"unknown authority", good, &tls.Config{RootCAs: stranger.pool, ServerName: "smsc.example.net", Certificates: ours}, []string{"unknown authority", "TLS_CA"}, true},
		{"wrong name", good, &tls.Config{RootCAs: a.pool, ServerName: "other.example.net", Certificates: ours}, []string{"TLS_SERVER_NAME"}, true},
		{"name of the address", good, &tls.Config{RootCAs: a.pool, Certificates: ours}, []string{"TLS_SERVER_NAME"}, true},
		{"expired", expired, &tls.Config{RootCAs: a.pool, ServerName: "smsc.example.net", Certificates: ours}, []string{"clock"}, true},
		{"no client certificate", good, &tls.Config{RootCAs: a.pool, ServerName: "smsc.example.net", MaxVersion: tls.VersionTLS12}, []string{"TLS_CERT"}, true},
		{"no client certificate, TLS 1.3", good, &tls.Config{RootCAs: a.pool, ServerName: "smsc.example.net"}, []string{"TLS_CERT"}, true},
		{"certificate of a stranger", good, &tls.Config{RootCAs: a.pool, ServerName: "smsc.example.net", Certificates: []tls.Certificate{stranger.sign("otpgw", hour)}}, []string{"TLS_CERT"}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := link.Probe(ctx(t), r.config(func(cfg *link.Config) { cfg.Addr, cfg.TLS = c.addr, c.tls }), &out)
			if (err != nil) != c.fails {
				t.Errorf("error %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in:\n%s", want, &out)
				}
			}
		})
	}
	id := r.put("+46700000001", "code")
	r.start(r.config(func(cfg *link.Config) { cfg.Addr, cfg.TLS = good, cases[0].tls }))
	if m := next(t, r.sink.accepted); m.Message.ID != id {
		t.Errorf("accepted %+v", m)
	}
	if in := next(t, r.sink.incoming); !in.Receipt {
		t.Errorf("incoming %+v", in)
	}
}
