// Package proof signs statements that an OTP was verified, and publishes the keys they are checked with. It
// keeps nothing: the keys follow from the gateway's secret one.
package proof

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/otpgw/otpgw/queue/seal"
)

// A proof is a signed statement that an OTP was verified, for whoever trusts this gateway and was not there:
// a JWT (RFC 7519) signed with Ed25519 (RFC 8037). The key is of a month and follows from the secret key, so
// every daemon has the same, nothing is stored, and it changes by itself; the keys of last month, this one
// and the next are published.
const (
	age    = 10 * time.Minute
	issuer = "otpgw"
)

// claims are what a proof states.
type claims struct {
	Issuer      string `json:"iss"`
	Audience    string `json:"aud"` // the application
	Subject     string `json:"sub"` // the number
	ID          string `json:"jti"` // the otpId, so that a proof can be used once
	OtpID       string `json:"otpId"`
	PhoneNumber string `json:"phoneNumber"`
	Application string `json:"applicationId"`
	IssuedAt    int64  `json:"iat"`
	Expires     int64  `json:"exp"`
}

// Verified is the OTP that a proof is of.
type Verified struct{ App, Phone, OtpID string }

// Keys sign proofs.
type Keys struct{ Box *seal.Box }

// Sign states that an OTP was verified just now.
func (k Keys) Sign(v Verified, now time.Time) (string, error) {
	key := k.of(monthOf(now))
	return signJWT(key, keyID(key), claims{
		Issuer: issuer, Audience: v.App, Subject: v.Phone, ID: v.OtpID, OtpID: v.OtpID, PhoneNumber: v.Phone, Application: v.App,
		IssuedAt: now.Unix(), Expires: now.Add(age).Unix(),
	})
}

func signJWT(key ed25519.PrivateKey, id string, payload any) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "EdDSA", "typ": "JWT", "kid": id})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(body)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(signed))), nil
}

// JWK is a public key as jwks.json has it (RFC 7517, RFC 8037).
type JWK struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

// Public are the keys that proofs of now are checked with: last month's, this month's, and the next, so
// that who keeps them for a while knows it before it is used.
func (k Keys) Public(now time.Time) []JWK {
	month := monthOf(now)
	var keys []JWK
	for m := month - 1; m <= month+1; m++ {
		key := k.of(m)
		public := key.Public().(ed25519.PublicKey)
		keys = append(keys, JWK{"OKP", "Ed25519", base64.RawURLEncoding.EncodeToString(public), keyID(key), "sig", "EdDSA"})
	}
	return keys
}

// monthOf counts months.
func monthOf(t time.Time) int { return t.UTC().Year()*12 + int(t.UTC().Month()) - 1 }

// of is the key of a month: its seed is what the secret key makes of the month's number.
func (k Keys) of(month int) ed25519.PrivateKey {
	name := strconv.Itoa(month)
	seed, err := hex.DecodeString(k.Box.Name("proof key, first half", name) + k.Box.Name("proof key, second half", name))
	if err != nil || len(seed) != ed25519.SeedSize {
		panic(fmt.Sprintf("proof: a name has %d octets, not half of a seed", len(seed)/2))
	}
	return ed25519.NewKeyFromSeed(seed)
}

// keyID is the thumbprint of a public key (RFC 7638; RFC 8037, appendix A.3).
func keyID(key ed25519.PrivateKey) string {
	x := base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
