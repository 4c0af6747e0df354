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
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
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

// TestLinkKnobs: what the variables of a bind, a dial and a text say is what the link gets.
func TestLinkKnobs(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "tele.pcap")
	c := mustLoad(t, with("OTPGW_LINK_TELE_FAMILY=ipv4", "OTPGW_LINK_TELE_SOURCE_ADDR= ::ffff:192.0.2.7 ", "OTPGW_LINK_TELE_INTERFACE_VERSION=51",
		"OTPGW_LINK_TELE_ADDRESS_RANGE=^4670", "OTPGW_LINK_TELE_BIND_TON=1", "OTPGW_LINK_TELE_BIND_NPI=8", "OTPGW_LINK_TELE_ON_TIMEOUT=fail",
		"OTPGW_LINK_TELE_NATIONAL=spanish, turkish", "OTPGW_LINK_TELE_TRANSLITERATE=yes", "OTPGW_LINK_TELE_TRACE="+trace,
		"OTPGW_LINK_TELE_TRACE_SIZE=2", `OTPGW_APP_SHOP_TLVS=0x1400="1201",0x1401=6162`))
	l := c.Links[0]
	if l.Family != link.FamilyIPv4 || l.SourceAddr != netip.MustParseAddr("192.0.2.7") || l.InterfaceVersion != 0x33 ||
		l.AddressRange != (wire.Address{TON: 1, NPI: 8, Addr: "^4670"}) || l.TimeoutResends != 0 || l.Trace != trace || l.TraceSize != 2<<20 {
		t.Errorf("link %+v", l)
	}
	want := text.Options{Alphabet: text.AlphabetGSM7, Long: text.LongUDH8, National: []text.Language{text.LanguageSpanish, text.LanguageTurkish}, Transliterate: true}
	if got := l.Text(); !reflect.DeepEqual(got, want) {
		t.Errorf("text options %+v, want %+v", got, want)
	}
	if tlvs := c.Apps[0].TLVs; len(tlvs) != 2 || string(tlvs[0x1400]) != "1201" || string(tlvs[0x1401]) != "ab" {
		t.Errorf("the application's TLVs: %v", tlvs)
	}
	for _, line := range []string{"OTPGW_LINK_TELE_INTERFACE_VERSION=0x33\n", "OTPGW_LINK_TELE_TRANSLITERATE=on\n", "OTPGW_LINK_TELE_NATIONAL=spanish,turkish\n",
		`OTPGW_APP_SHOP_TLVS=0x1400="1201",0x1401="ab"` + "\n"} {
		if !strings.Contains(c.String(), line) {
			t.Errorf("no line %s in\n%s", line, c)
		}
	}
}

func TestTLSServerName(t *testing.T) {
	c := mustLoad(t, with("OTPGW_LINK_TELE_ADDR=127.0.0.1:2775", "OTPGW_LINK_TELE_TLS=on", "OTPGW_LINK_TELE_TLS_SERVER_NAME=smsc.example.net"))
	if name := c.Links[0].TLS.ServerName; name != "smsc.example.net" {
		t.Errorf("server name %q", name)
	}
}
