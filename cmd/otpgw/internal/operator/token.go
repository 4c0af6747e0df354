package operator

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/otpgw/otpgw/config"
)

// Header carries the token of the operator's port, as Authorization: Bearer does.
const Header = "X-Admin-Token"

// Token is the token that actions on the operator's port ask for: OTPGW_ADMIN_TOKEN, or the one that the
// first start puts beside the store, where only the daemon's user reads it.
func Token(given, dataDir string) (string, error) {
	if given != "" {
		return given, nil
	}
	path := config.AdminTokenFile(dataDir)
	if token, err := ReadToken(path); !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("the admin token: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("the admin token: %w", err)
	}
	token := rand.Text()
	_, err = f.WriteString(token + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("the admin token: %w", err)
	}
	return token, nil
}

func ReadToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the admin token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("the admin token: %s is empty; delete it, and a new one is made at the start", path)
	}
	return token, nil
}

// authorized asks for the token at all that changes something, and at what shows the inside of the process or
// somebody's number. Reading how things are takes none: whoever scrapes the metrics has none.
func (a *Server) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if reads && !strings.HasPrefix(r.URL.Path, PprofPath) && r.URL.Path != WaysPath {
			next.ServeHTTP(w, r)
			return
		}
		given := r.Header.Get(Header)
		if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			given = bearer
		}
		if subtle.ConstantTimeCompare([]byte(given), []byte(a.Token())) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			fail(w, http.StatusUnauthorized, "this takes the admin token, as "+Header+": OTPGW_ADMIN_TOKEN, or admin.token in the data directory; otpgw ctl knows it")
			return
		}
		next.ServeHTTP(w, r)
	})
}
