package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"slices"
	"time"
)

// expirySoon is how long before its end a certificate is warned of.
const expirySoon = 14 * 24 * time.Hour

// KeyPair are the files of a listener's certificate and key, in PEM.
type KeyPair struct {
	Cert, Key string

	Names    []string // that the certificate is for
	NotAfter time.Time
}

// Set says whether there is one.
func (k KeyPair) Set() bool { return k.Cert != "" }

// Certificates are those in a PEM file.
func Certificates(content []byte) (all []*x509.Certificate) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, c)
		}
	}
	return all
}

func readCertFile(pair func(*Config) *KeyPair) reader[loader] {
	return read(func(v *value, l *loader) {
		if v.trim(); v.file() != nil {
			pair(l.config).Cert = v.text
		}
	})
}

// readKeyFile reads the key, and looks at both: it stands behind the certificate.
func readKeyFile(pair func(*Config) *KeyPair, certVariable string) reader[loader] {
	return read(func(v *value, l *loader) {
		k := pair(l.config)
		key := []byte(nil)
		if v.trim() != "" {
			key = v.file()
		}
		switch {
		case v.text == "" && k.Set():
			v.fault("is not set, but %s is; a certificate needs its key", certVariable)
			return
		case v.text != "" && !k.Set() && len(l.faults) == 0:
			l.fault(certVariable, "is not set, but %s is; a key needs its certificate", v.name)
			return
		case key == nil || !k.Set():
			return
		}
		k.Key = v.text
		loaded, err := tls.LoadX509KeyPair(k.Cert, k.Key)
		if err != nil {
			l.fault(certVariable, "does not go with %s: %v", v.name, err)
			return
		}
		k.Names, k.NotAfter = slices.Clone(loaded.Leaf.DNSNames), loaded.Leaf.NotAfter
		for _, ip := range loaded.Leaf.IPAddresses {
			k.Names = append(k.Names, ip.String())
		}
		switch rest := time.Until(k.NotAfter); {
		case rest <= 0:
			l.warn(certVariable, "the certificate was valid until %s; clients refuse it", k.NotAfter.Format(time.DateOnly))
		case rest < expirySoon:
			l.warn(certVariable, "the certificate is valid until %s, for %d days; put a new one there, it is taken without a restart",
				k.NotAfter.Format(time.DateOnly), int(rest/(24*time.Hour)))
		}
	})
}

// Networks are those that callers may come from; none is all.
type Networks []netip.Prefix

// Allow says whether an address, as net/http has it, is one of theirs.
func (n Networks) Allow(remote string) bool {
	if len(n) == 0 {
		return true
	}
	at, err := netip.ParseAddrPort(remote)
	return err == nil && slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(at.Addr().Unmap().WithZone("")) })
}
