// Package seal encrypts small secrets at rest: PINs and message texts, before they go to the store. It is AES-256-GCM with a
// random nonce; the context is authenticated with it, so that a box moved to another record does not open.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// ErrOpen says that a box was not sealed with this key and context, or was changed. It says no more on purpose.
var ErrOpen = errors.New("seal: cannot open")

// Box seals and opens with one key. It is safe for use by many goroutines.
type Box struct {
	aead   cipher.AEAD
	naming []byte // key of Name
}

// New makes a Box from a key of 32 bytes.
func New(key []byte) (*Box, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("seal: the key has %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	// Random nonces of 96 bits are good for 2^32 boxes a key (NIST SP 800-38D, 8.3).
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	naming, err := hkdf.Key(sha256.New, key, nil, namingInfo, KeySize)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &Box{aead, naming}, nil
}

// namingInfo separates the key of names from the key of boxes (RFC 5869, 3.2).
const namingInfo = "otpgw names"

// Name is what something secret or private, a telephone number for instance, is called in the store: always the same, and
// not to be traced back without the key, by trying all numbers either. It is HMAC-SHA256, cut to 128 bits, in hex.
func (b *Box) Name(kind, what string) string {
	m := hmac.New(sha256.New, b.naming)
	m.Write([]byte(kind + "\x00" + what))
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// Seal encrypts plain: nonce, ciphertext and tag. The context, for instance "pin:" and an id, must be given again to Open.
func (b *Box) Seal(plain []byte, context string) []byte {
	return b.aead.Seal(nil, nil, plain, []byte(context))
}

// Open decrypts what Seal made, else ErrOpen.
func (b *Box) Open(sealed []byte, context string) ([]byte, error) {
	plain, err := b.aead.Open(nil, nil, sealed, []byte(context))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// NewKey is a random key.
func NewKey() []byte {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return key
}
