package config

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sethvargo/go-envconfig"

	"github.com/otpgw/otpgw/queue/seal"
)

const (
	secretKeyName = "secret.key" // in the data directory

	fileSuffix    = "_FILE"
	maxSecretFile = 64 << 10
	maxPEMFile    = 1 << 20
	maxConfigFile = 4 << 20

	callbackSecretPrefix  = "whsec_"
	callbackSecretMin     = 24 // bytes; Standard Webhooks, "Signature scheme"
	callbackSecretMax     = 64
	callbackSecretDerived = 32
	callbackSecretsMax    = 2 // valid at a time
	callbackSecretInfo    = "otpgw callback secret, application "
)

// source looks variables up as operators expect: an empty value is an unset one (a compose file passes
// what it lacks as empty), and a secret may be in the file named by NAME_FILE.
type source struct {
	lookup envconfig.Lookuper
	files  map[string]bool // names that may come as a file; true: a list, one element a line
	*report
}

// filesOf tells which of the rows' variables may come as a file.
func filesOf[T any](prefix string, rows []setting[T]) map[string]bool {
	files := make(map[string]bool)
	for _, row := range rows {
		if row.secret {
			files[prefix+row.key] = row.lines
		}
	}
	return files
}

// Lookup implements envconfig.Lookuper.
func (s source) Lookup(name string) (string, bool) {
	value, _ := s.lookup.Lookup(name)
	if _, secret := s.files[name]; secret {
		if path, _ := s.lookup.Lookup(name + fileSuffix); path != "" {
			value = s.fromFile(name, path, value)
		}
	}
	return value, value != ""
}

// fromFile reads a secret's file. The path is in no fault: whoever wrote the secret itself there by
// mistake would find it in the log.
func (s source) fromFile(name, path, value string) string {
	if value != "" {
		s.fault(name, "is given twice, as %s and as %s; keep one", name, name+fileSuffix)
		return ""
	}
	content, err := readFile(path, maxSecretFile)
	if err != nil {
		s.fault(name+fileSuffix, "the file it names cannot be read: %v; give the path of a readable file", err)
		return ""
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if s.files[name] {
		text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), ",")
	}
	if text == "" {
		s.fault(name+fileSuffix, "the file it names is empty; write the secret into it")
	}
	return text
}

// readFile reads a regular file of at most limit bytes; its errors do not name it. Anything else than a
// regular file (a pipe, a device) might never end.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(f, limit+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if n > limit {
		return nil, fmt.Errorf("longer than %d bytes", limit)
	}
	return b.Bytes(), nil
}

func withoutPath(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// secretKey reads the key that seals PINs; nil when it is to be kept in the data directory.
func (v *value) secretKey() []byte {
	if v.text == "" {
		return nil
	}
	decoded, err := seal.ParseKey(v.text)
	if err != nil {
		v.fault("is not %d bytes as base64, drawn at random; make one with: openssl rand -base64 %[1]d", seal.KeySize)
	}
	return decoded
}

// oldKeys reads the keys that only open.
func (v *value) oldKeys() [][]byte {
	var keys [][]byte
	for i, text := range v.list() {
		key, err := seal.ParseKey(text)
		if err != nil && text != "" {
			v.fault("element %d is not %d bytes as base64, as a secret key is", i+1, seal.KeySize)
		}
		keys = append(keys, key)
	}
	return keys
}

// callbackSecrets reads the signing secrets that are given; without any, one is derived once the key is
// known.
func (v *value) callbackSecrets() []string {
	secrets := v.list()
	if len(secrets) > callbackSecretsMax {
		v.fault("holds %d secrets; keep %d, the newest first: each of them signs each callback", len(secrets), callbackSecretsMax)
	}
	for i, secret := range secrets {
		encoded, hasPrefix := strings.CutPrefix(secret, callbackSecretPrefix)
		decoded, err := base64.StdEncoding.DecodeString(encoded)
		if secret != "" && (!hasPrefix || err != nil || len(decoded) < callbackSecretMin || len(decoded) > callbackSecretMax) {
			v.fault(`secret %d is not whsec_ and base64 of 24 to 64 bytes; make one with: echo "whsec_$(openssl rand -base64 32)"`, i+1)
		}
	}
	return secrets
}

// supabaseSecret reads the secret of a hook as Supabase shows it.
func (v *value) supabaseSecret() string {
	if v.trim() == "" {
		return ""
	}
	for one := range strings.SplitSeq(v.text, "|") {
		encoded, hasPrefix := strings.CutPrefix(strings.TrimSpace(one), "v1,"+callbackSecretPrefix)
		if key, err := base64.StdEncoding.DecodeString(encoded); !hasPrefix || err != nil || len(key) < callbackSecretMin {
			v.fault("is not v1,whsec_ and base64 of at least 24 bytes; copy it from the hook, or make one and give it to both")
			break
		}
	}
	return v.text
}

// SecretKeyFile is where the key is kept when OTPGW_SECRET_KEY does not give it (SecretKey is nil): the
// caller loads or makes it there with seal.LoadOrCreateKey and hands it to UseKey.
func (c *Config) SecretKeyFile() string { return filepath.Join(c.DataDir, secretKeyName) }

// UseKey sets the secret key of 32 bytes and gives each application without a callback secret its derived
// one. Load has called it when OTPGW_SECRET_KEY is set.
func (c *Config) UseKey(key []byte) error {
	if len(key) != seal.KeySize {
		return fmt.Errorf("the secret key has %d bytes, not %d", len(key), seal.KeySize)
	}
	c.SecretKey = key
	if c.Lookup.Secret == "" {
		derived, err := DeriveCallbackSecret(key, lookupSecretName)
		if err != nil {
			return err
		}
		c.Lookup.Secret = derived
	}
	for i := range c.Apps {
		if len(c.Apps[i].CallbackSecrets) > 0 {
			continue
		}
		derived, err := DeriveCallbackSecret(key, c.Apps[i].Name)
		if err != nil {
			return err
		}
		c.Apps[i].CallbackSecrets = []string{derived}
	}
	return nil
}

// DeriveCallbackSecret returns the callback secret of an application that sets none: HKDF-SHA256 (RFC 5869)
// of the secret key and the application's name. It is stored nowhere and yet survives restarts, is the
// same on every daemon that has the same key, and tells nothing of the key to the receiver of callbacks.
func DeriveCallbackSecret(key []byte, app string) (string, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, callbackSecretInfo+app, callbackSecretDerived)
	if err != nil {
		return "", fmt.Errorf("derive the callback secret of %s: %w", app, err)
	}
	return callbackSecretPrefix + base64.StdEncoding.EncodeToString(derived), nil
}
