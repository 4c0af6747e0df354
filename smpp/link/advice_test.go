package link_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestAdviceOnAFieldOfEveryMessage: an SMSC that does not know the link's service_type or system_type says so
// at each submit_sm. The link stops and waits, loses nothing, and its advice names the one that is wrong, not
// the other.
func TestAdviceOnAFieldOfEveryMessage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status       wire.Status
		named, other string
	}{{0x15, "SERVICE_TYPE", "SYSTEM_TYPE"}, {0x53, "SYSTEM_TYPE", "SERVICE_TYPE"}} {
		t.Run(c.status.String(), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome { return smsc.Outcome{Status: c.status} }})
			r.put("+46701000001", "code")
			l, _ := r.start(r.config(nil))
			states(t, []*link.Link{l}, "refused")
			b := l.Status()[0]
			if !strings.Contains(b.Advice, c.named) || strings.Contains(b.Advice, c.other) || !strings.Contains(b.Error, c.status.String()) {
				t.Errorf("advice %q on %q", b.Advice, b.Error)
			}
			select {
			case x := <-r.sink.refused:
				t.Errorf("the message was given up: %+v", x)
			default:
			}
		})
	}
}

// TestProbeOfACertificateWithANameOnlyInCN: old carriers' certificates have no subjectAltName; the advice
// says that, and not to set another name. One with the name of another host has other advice.
func TestProbeOfACertificateWithANameOnlyInCN(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	a := newAuthority(t)
	for _, c := range []struct {
		name         string
		sans         []string
		named, other string
	}{
		{"only in CN", nil, "smsc.example.net) only in CN", "TLS_SERVER_NAME"},
		{"of another host", []string{"old.example.net"}, "TLS_SERVER_NAME", "only in CN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			key := newKey(t)
			der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(3), DNSNames: c.sans,
				Subject: pkix.Name{CommonName: "smsc.example.net"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
				ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, a.cert, &key.PublicKey, a.key)
			if err != nil {
				t.Fatal(err)
			}
			cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
			addr := serve(t, func() (net.Listener, error) {
				return tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
			}, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
			var out bytes.Buffer
			err = link.Probe(ctx(t), r.config(func(cfg *link.Config) {
				cfg.Addr, cfg.TLS = addr, &tls.Config{RootCAs: a.pool, ServerName: "smsc.example.net"}
			}), &out)
			if err == nil || !strings.Contains(out.String(), c.named) || strings.Contains(out.String(), c.other) {
				t.Errorf("error %v\n%s", err, &out)
			}
		})
	}
}
