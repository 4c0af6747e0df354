// Package certificate keeps a listener's certificate as its files are now, and lets a client on this machine
// trust it.
package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/config"
)

// checkEvery is the least time between two looks at the files of a certificate: one who connects has
// them looked at.
const checkEvery = time.Second

// File is a listener's certificate and key, which are read again when their files hold something else:
// also when a link on the way to them was turned, as Kubernetes does with mounted secrets. Files that do not
// go together, as between the writing of one and of the other, change nothing.
type File struct {
	files config.KeyPair
	name  string // of the variable
	log   zerolog.Logger

	mu        sync.Mutex // guards the rest
	looked    time.Time
	cert, key []byte // as they were looked at last
	current   *tls.Certificate
}

// Open reads the pair, which has to be good at the start. It is nil where there is none.
func Open(files config.KeyPair, name string, log zerolog.Logger) (*File, error) {
	if !files.Set() {
		return nil, nil
	}
	c := &File{files: files, name: name, log: log}
	if err := c.look(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// TLS is nil without a certificate: then the listener speaks plain HTTP.
func (c *File) TLS() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

func (c *File) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= checkEvery {
		if err := c.look(); err != nil {
			c.log.Error().Err(err).Str("variable", c.name).Time("until", c.current.Leaf.NotAfter).
				Msg("the new certificate cannot be used; the one before is still shown")
		}
	}
	return c.current, nil
}

// look reads the files, and says what is wrong with them once for each time that they change. For callers
// that hold mu.
func (c *File) look() error {
	c.looked = time.Now()
	cert, certErr := os.ReadFile(c.files.Cert)
	key, keyErr := os.ReadFile(c.files.Key)
	if c.current != nil && bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return nil
	}
	c.cert, c.key = cert, key
	if err := errors.Join(certErr, keyErr); err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return err
	}
	if c.current != nil {
		c.log.Info().Str("variable", c.name).Strs("names", pair.Leaf.DNSNames).Time("until", pair.Leaf.NotAfter).Msg("certificate has changed")
	}
	c.current = &pair
	return nil
}

// Trust is a client's configuration for a listener of this machine that shows the certificate in a file,
// whatever it is named; of another machine's, the certificate is judged as usual.
func Trust(certFile, host string) *tls.Config {
	ours, err := os.ReadFile(certFile)
	if err != nil {
		return nil
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			roots, err := x509.SystemCertPool()
			if err != nil {
				roots = x509.NewCertPool()
			}
			for _, known := range config.Certificates(ours) {
				if known.Equal(s.PeerCertificates[0]) {
					return nil
				}
				roots.AddCert(known)
			}
			chain := x509.NewCertPool()
			for _, c := range s.PeerCertificates[1:] {
				chain.AddCert(c)
			}
			_, err = s.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: chain})
			return err
		},
	}
}
