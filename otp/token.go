package otp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/otpgw/otpgw/queue"
)

// Scopes of access tokens.
const (
	ScopeOtp     = "otp"      // everything
	ScopeOtpRead = "otp:read" // ours: GET only

	// ScopeCAMARA is that of CAMARA's one-time-password-sms, for applications that have it.
	ScopeCAMARA = "one-time-password-sms:send-validate"
)

// TokenTTL is how long an access token is good.
const TokenTTL = time.Hour

// tokenPrefix lets scanners for leaked secrets, and people, see what it is.
const tokenPrefix = "otpgw_"

// Token is what an access token stands for.
type Token struct {
	App     string    `json:"app"`
	Scope   string    `json:"scope"` // space-separated
	Expires time.Time `json:"expires"`
}

// Allows says whether the token has a scope. ScopeOtp has all.
func (t Token) Allows(scope string) bool {
	for s := range strings.FieldsSeq(t.Scope) {
		if s == ScopeOtp || s == scope {
			return true
		}
	}
	return false
}

// A token is 160 random bits and a mark of 96 that only this gateway's key makes of them, so that one which
// is made up is known as such without the store.
const (
	tokenRandom = 20
	tokenSize   = 32
)

// mark is what a token ends in.
func (s *Service) mark(random []byte) []byte {
	sum := sha256.Sum256([]byte(s.Box.Name("token", string(random))))
	return sum[:tokenSize-tokenRandom]
}

// IssueToken makes an access token. The store has its hash only, which cannot be turned back. It is good on
// every daemon when this returns.
func (s *Service) IssueToken(ctx context.Context, app *App, scope string) (string, error) {
	random := make([]byte, tokenRandom, tokenSize)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	token := tokenPrefix + base64.RawURLEncoding.EncodeToString(append(random, s.mark(random)...))
	data, err := json.Marshal(Token{App: app.Name, Scope: scope, Expires: s.now().Add(TokenTTL).UTC()})
	if err != nil {
		return "", internal(err)
	}
	key, _ := tokenKey(token)
	if _, err := s.Queue.Tokens().Create(ctx, key, data, TokenTTL); err != nil {
		return "", storeError(err)
	}
	return token, nil
}

// FindToken is what a presented token stands for; false for one that is not good, or no more. It always asks
// the store, so a token revoked on one daemon is refused by all at once.
func (s *Service) FindToken(ctx context.Context, token string) (Token, bool, error) {
	key, ok := tokenKey(token)
	if !ok || !s.marked(token) && !strangers.Allow() {
		return Token{}, false, nil
	}
	e, err := s.Queue.Tokens().Get(ctx, key)
	if errors.Is(err, queue.ErrNotFound) { // or made a millisecond ago, and this replica has not heard of it
		e, err = s.Queue.Tokens().Latest(ctx, key)
	}
	if errors.Is(err, queue.ErrNotFound) {
		return Token{}, false, nil
	}
	if err != nil {
		return Token{}, false, storeError(err)
	}
	var t Token
	if err := json.Unmarshal(e.Value, &t); err != nil {
		return Token{}, false, internal(err)
	}
	return t, s.now().Before(t.Expires), nil
}

// strangers bounds how many tokens without this key's mark are asked of the store in a second: made-up ones,
// and for an hour those of a daemon that has another key or is older than the mark.
var strangers = rate.NewLimiter(50, 50)

// marked says whether this gateway's key made the token.
func (s *Service) marked(token string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, tokenPrefix))
	return err == nil && len(raw) == tokenSize && subtle.ConstantTimeCompare(raw[tokenRandom:], s.mark(raw[:tokenRandom])) == 1
}

// RevokeToken ends an application's token. false: it is another's. A token that is not good is as good as
// revoked.
func (s *Service) RevokeToken(ctx context.Context, app *App, token string) (bool, error) {
	t, there, err := s.FindToken(ctx, token)
	if err != nil || !there {
		return err == nil, err
	}
	if t.App != app.Name {
		return false, nil
	}
	key, _ := tokenKey(token)
	return true, storeErrorOrNil(s.Queue.Tokens().Delete(ctx, key))
}

// tokenKey is the hash of a token; false for what cannot be one, which then never reaches the store. A plain
// hash is enough for 256 random bits.
func tokenKey(token string) (string, bool) {
	if !strings.HasPrefix(token, tokenPrefix) || len(token) != len(tokenPrefix)+43 {
		return "", false
	}
	hash := sha256.Sum256([]byte(token))
	return hex.EncodeToString(hash[:]), true
}
