package config

import (
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
	"testing"
	"time"
)

// certificate makes a self-signed certificate for 127.0.0.1 and returns its files.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "smsc"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	inPEM := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return writeFile(t, "cert.pem", inPEM("CERTIFICATE", der)), writeFile(t, "key.pem", inPEM("PRIVATE KEY", keyDER))
}

// TestTLS shakes hands with a server that asks for our certificate, with what the variables gave.
func TestTLS(t *testing.T) {
	certFile, keyFile := certificate(t)
	c := mustLoad(t, with("OTPGW_LINK_TELE_ADDR=127.0.0.1:2775", "OTPGW_LINK_TELE_TLS=on",
		"OTPGW_LINK_TELE_TLS_CA="+certFile, "OTPGW_LINK_TELE_TLS_CERT="+certFile, "OTPGW_LINK_TELE_TLS_KEY="+keyFile))
	ours := c.Links[0].TLS
	if ours.ServerName != "127.0.0.1" || ours.MinVersion != tls.VersionTLS12 {
		t.Errorf("name %q, version %x", ours.ServerName, ours.MinVersion)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: ours.Certificates, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.RootCAs,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = errors.Join(conn.(*tls.Conn).Handshake(), conn.Close())
		}
		served <- err
	}()
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: ours}
	conn, err := dialer.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestTLSWrongKey(t *testing.T) {
	certFile, _ := certificate(t)
	_, otherKey := certificate(t)
	_, err := loadMap(with("OTPGW_LINK_TELE_TLS=on", "OTPGW_LINK_TELE_TLS_CERT="+certFile, "OTPGW_LINK_TELE_TLS_KEY="+otherKey))
	var faulty *Error
	if !errors.As(err, &faulty) || len(faulty.Faults) != 1 || faulty.Faults[0].Variable != "OTPGW_LINK_TELE_TLS_CERT" {
		t.Error(err)
	}
}
