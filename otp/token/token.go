// Package token keeps the access tokens that applications get for their credentials (OAuth 2.0).
//
// Issue stores a token's hash, Find reads what a presented one stands for, Revoke takes it out; all daemons
// share them. What a scope allows on which path is package api's affair. Errors are the store's.
package token

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
	"github.com/otpgw/otpgw/queue/seal"
)

// Scopes of access tokens.
const (
	ScopeOtp     = "otp"      // everything
	ScopeOtpRead = "otp:read" // ours: GET only

	// ScopeCAMARA is that of CAMARA's one-time-password-sms, for applications that have it.
	ScopeCAMARA = "one-time-password-sms:send-validate"
)

// TTL is how long an access token is good.
const TTL = time.Hour

// prefix lets scanners for leaked secrets, and people, see what it is.
const prefix = "otpgw_"

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
	randomSize = 20
	size       = 32
)

// Keeper issues tokens, and knows them again.
type Keeper struct {
	Queue *queue.Queue
	Box   *seal.Box
	Now   func() time.Time // the store's clock, which all daemons share
}

// mark is what a token ends in.
func (k *Keeper) mark(random []byte) []byte {
	sum := sha256.Sum256([]byte(k.Box.Name("token", string(random))))
	return sum[:size-randomSize]
}

// Issue makes an access token for an application. The store has its hash only, which cannot be turned back.
// It is good on every daemon when this returns.
func (k *Keeper) Issue(ctx context.Context, app, scope string) (string, error) {
	random := make([]byte, randomSize, size)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	token := prefix + base64.RawURLEncoding.EncodeToString(append(random, k.mark(random)...))
	data, err := json.Marshal(Token{App: app, Scope: scope, Expires: k.Now().Add(TTL).UTC()})
	if err != nil {
		return "", err
	}
	key, _ := keyOf(token)
	if _, err := k.Queue.Tokens().Create(ctx, key, data, TTL); err != nil {
		return "", err
	}
	return token, nil
}

// Find is what a presented token stands for; false for one that is not good, or no more. It always asks
// the store, so a token revoked on one daemon is refused by all at once.
func (k *Keeper) Find(ctx context.Context, token string) (Token, bool, error) {
	key, ok := keyOf(token)
	if !ok || !k.marked(token) && !strangers.Allow() {
		return Token{}, false, nil
	}
	e, err := k.Queue.Tokens().Get(ctx, key)
	if errors.Is(err, queue.ErrNotFound) { // or made a millisecond ago, and this replica has not heard of it
		e, err = k.Queue.Tokens().Latest(ctx, key)
	}
	if errors.Is(err, queue.ErrNotFound) {
		return Token{}, false, nil
	}
	if err != nil {
		return Token{}, false, err
	}
	var t Token
	if err := json.Unmarshal(e.Value, &t); err != nil {
		return Token{}, false, err
	}
	return t, k.Now().Before(t.Expires), nil
}

// strangers bounds how many tokens without this key's mark are asked of the store in a second: made-up ones,
// and for an hour those of a daemon that has another key or is older than the mark.
var strangers = rate.NewLimiter(50, 50)

// marked says whether this gateway's key made the token.
func (k *Keeper) marked(token string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, prefix))
	return err == nil && len(raw) == size && subtle.ConstantTimeCompare(raw[randomSize:], k.mark(raw[:randomSize])) == 1
}

// Revoke ends an application's token. false: it is another's. A token that is not good is as good as
// revoked.
func (k *Keeper) Revoke(ctx context.Context, app, token string) (bool, error) {
	t, there, err := k.Find(ctx, token)
	if err != nil || !there {
		return err == nil, err
	}
	if t.App != app {
		return false, nil
	}
	key, _ := keyOf(token)
	return true, k.Queue.Tokens().Delete(ctx, key)
}

// keyOf is the hash of a token; false for what cannot be one, which then never reaches the store. A plain
// hash is enough for 256 random bits.
func keyOf(token string) (string, bool) {
	if !strings.HasPrefix(token, prefix) || len(token) != len(prefix)+43 {
		return "", false
	}
	hash := sha256.Sum256([]byte(token))
	return hex.EncodeToString(hash[:]), true
}
