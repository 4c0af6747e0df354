package config

import (
	"cmp"
	"path/filepath"

	"github.com/sethvargo/go-envconfig"
)

const (
	defaultAdminAddr = "127.0.0.1:9090"
	defaultDataDir   = "./data"
	adminTokenName   = "admin.token" // in the data directory
	adminCertFile    = "OTPGW_ADMIN_TLS_CERT_FILE"
)

// Admin is where a running daemon's operator's port is, and what opens it.
type Admin struct {
	Addr      string
	Token     string // empty: in TokenFile
	TokenFile string
	CertFile  string // of the certificate that it shows; empty: it speaks HTTP
}

// AdminTokenFile is where the token is kept when OTPGW_ADMIN_TOKEN does not give it.
func AdminTokenFile(dataDir string) string { return filepath.Join(dataDir, adminTokenName) }

// AdminOf reads no more than a client of a running daemon needs: the rest of the configuration may be on
// another machine.
func AdminOf(lookup envconfig.Lookuper) Admin {
	get := func(name string) string {
		value, _ := lookup.Lookup(name)
		return value
	}
	a := Admin{
		Addr:      cmp.Or(get("OTPGW_ADMIN_ADDR"), defaultAdminAddr),
		Token:     get("OTPGW_ADMIN_TOKEN"),
		CertFile:  get(adminCertFile),
		TokenFile: cmp.Or(get("OTPGW_ADMIN_TOKEN"+fileSuffix), AdminTokenFile(cmp.Or(get("OTPGW_DATA_DIR"), defaultDataDir))),
	}
	return a
}
