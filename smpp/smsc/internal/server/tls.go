package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// certLife is how long a certificate of our own making is valid.
const certLife = 365 * 24 * time.Hour

// listenTLS listens for SMPP over TLS.
func (s *Server) listenTLS() (err error) {
	cfg := s.cfg.TLS
	if cfg == nil {
		if cfg, s.cert, err = selfSigned(); err != nil {
			return fmt.Errorf("smsc: make a certificate: %w", err)
		}
	}
	if s.tlsLn, err = tls.Listen("tcp", s.cfg.TLSAddr, cfg); err != nil {
		return fmt.Errorf("smsc: listen for SMPP over TLS: %w", err)
	}
	return nil
}

// TLSAddr is the address of the TLS listener, host:port; empty without one.
func (s *Server) TLSAddr() string {
	if s.tlsLn == nil {
		return ""
	}
	return s.tlsLn.Addr().String()
}

// TLSCertificate is the certificate, in PEM, that we made because Config.TLS is nil; clients have to trust
// it. It is for localhost, 127.0.0.1 and ::1.
func (s *Server) TLSCertificate() []byte { return s.cert }

func selfSigned() (*tls.Config, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: systemID}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:   now.Add(-time.Hour), NotAfter: now.Add(certLife), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	cfg := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12,
	}
	return cfg, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
