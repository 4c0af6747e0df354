// Package seal encrypts small secrets at rest: PINs and message texts, before they go to the store. The
// context is authenticated with each, so that a box moved to another record does not open.
//
// The cipher is XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM with a key that is derived from the secret
// key and half of a nonce of 192 bits. AES-GCM alone with a random nonce of 96 bits is good for 2^32 boxes a
// key, until which two have the same nonce with a chance of 2^-32 (NIST SP 800-38D, 8.3): at 1e9 OTPs a day,
// three boxes each, that bound is passed within two days. Here a key is derived anew, with a random half, for
// each 4096 boxes, for to derive it costs more than a box; the other half is random in each box. So the same
// chance is reached after 2^53 boxes, some thousand years. The halves are random and not counted: a copy of a
// running machine must not repeat them. A key derived for each OTP by its id would do as well, but has to be
// thought of at each call, and AES-GCM-SIV is not in the standard library. It costs under 1 µs a box.
//
// Keys change: a box says in its first bytes which key it was sealed with, and a Box opens what its older
// keys sealed. What is called by Name in the store must keep its name then. So names have a key of their own,
// which is kept in the store, sealed (see Anchor): it also shows at the start that a store belongs to another
// key.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// ErrOpen says that a box was not sealed with these keys and this context, or was changed. It says no more on
// purpose.
var ErrOpen = errors.New("seal: cannot open")

// ErrKey says that a box was sealed with a key that this daemon does not have; another one may. It is an
// ErrOpen too.
var ErrKey = fmt.Errorf("%w: sealed with a key that OTPGW_SECRET_KEY and OTPGW_SECRET_KEYS_OLD do not name", ErrOpen)

// A box is: version, id of the key, nonce, ciphertext and tag.
const (
	boxVersion = 2
	idSize     = 4
	headSize   = 1 + idSize

	nameSize = 16 // octets of a name's HMAC
)

// Infos separate what is derived from a key (RFC 5869, 3.2).
const (
	namingInfo  = "otpgw names"
	idInfo      = "otpgw key id"
	anchorScope = "otpgw anchor"
)

// Box seals with one key, and opens what that one or an older one sealed. It is safe for use by many
// goroutines, once Adopt has returned.
type Box struct {
	keys   []sealKey // the first one seals
	naming *naming
}

// naming is the key of Name, and states of HMAC that have read it: to make one is most of a name's cost.
type naming struct {
	key    []byte
	states sync.Pool // of *nameState
}

// nameState is what one name is made with.
type nameState struct {
	hash.Hash
	buf []byte
}

func newNaming(key []byte) *naming {
	return &naming{key: key, states: sync.Pool{New: func() any { return &nameState{Hash: hmac.New(sha256.New, key)} }}}
}

type sealKey struct {
	id     []byte
	cipher *xaes
	plain  cipher.AEAD // opens boxes of the first version, AES-256-GCM without an id
}

// New makes a Box from a key of 32 bytes, and the older ones that may still be needed to open.
func New(key []byte, older ...[]byte) (*Box, error) {
	b := &Box{}
	for _, k := range append([][]byte{key}, older...) {
		made, err := newKey(k)
		if err != nil {
			return nil, err
		}
		b.keys = append(b.keys, made)
	}
	names, err := hkdf.Key(sha256.New, key, nil, namingInfo, KeySize)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	b.naming = newNaming(names)
	return b, nil
}

func newKey(key []byte) (k sealKey, err error) {
	if len(key) != KeySize {
		return k, fmt.Errorf("seal: the key has %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return k, fmt.Errorf("seal: %w", err)
	}
	if k.plain, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return k, fmt.Errorf("seal: %w", err)
	}
	if k.cipher, err = newXAES(key); err != nil {
		return k, fmt.Errorf("seal: %w", err)
	}
	if k.id, err = hkdf.Key(sha256.New, key, nil, idInfo, idSize); err != nil {
		return k, fmt.Errorf("seal: %w", err)
	}
	return k, nil
}

// ID names the key that seals, without telling anything of it.
func (b *Box) ID() string { return hex.EncodeToString(b.keys[0].id) }

// Name is what something secret or private, a telephone number for instance, is called in the store: always
// the same, and not to be traced back without the key, by trying all numbers either. It is HMAC-SHA256, cut
// to 128 bits, in hex.
func (b *Box) Name(kind, what string) string {
	m := b.naming.states.Get().(*nameState)
	defer b.naming.states.Put(m)
	m.Reset()
	m.buf = append(append(append(m.buf[:0], kind...), 0), what...)
	m.Write(m.buf)
	m.buf = m.Sum(m.buf[:0])
	var name [2 * nameSize]byte
	hex.Encode(name[:], m.buf[:nameSize])
	return string(name[:])
}

// Seal encrypts plain. The context, for instance "pin:" and an id, must be given again to Open.
func (b *Box) Seal(plain []byte, context string) []byte {
	box := make([]byte, 0, headSize+nonceSize+len(plain)+tagSize)
	box = append(append(box, boxVersion), b.keys[0].id...)
	sealed, err := b.keys[0].cipher.seal(box, plain, []byte(context))
	if err != nil {
		panic("seal: AES refuses a key that it derived itself: " + err.Error())
	}
	return sealed
}

// Open decrypts what Seal made, else ErrOpen, or ErrKey.
func (b *Box) Open(sealed []byte, context string) ([]byte, error) {
	known := len(sealed) > headSize+nonceSize && sealed[0] == boxVersion
	for _, k := range b.keys {
		if known && bytes.Equal(sealed[1:headSize], k.id) {
			plain, err := k.cipher.open(sealed[headSize:headSize+nonceSize], sealed[headSize+nonceSize:], []byte(context))
			if err == nil {
				return plain, nil
			}
			return nil, ErrOpen
		}
	}
	for _, k := range b.keys {
		if plain, err := k.plain.Open(nil, nil, sealed, []byte(context)); err == nil {
			return plain, nil
		}
	}
	if known {
		return nil, ErrKey
	}
	return nil, ErrOpen
}

// Anchor is what is to be kept in the store: the key of names, sealed.
func (b *Box) Anchor() []byte { return b.Seal(b.naming.key, anchorScope) }

// Adopt takes the key of names from the store's anchor. renew says that an older key sealed it, so that
// Anchor is to be stored anew. Its error says that the store belongs to another key.
func (b *Box) Adopt(anchor []byte) (renew bool, err error) {
	names, err := b.Open(anchor, anchorScope)
	if err != nil || len(names) != KeySize {
		return false, errors.New("the store was sealed with another secret key: set OTPGW_SECRET_KEY to that one, " +
			"or name it in OTPGW_SECRET_KEYS_OLD beside the new one")
	}
	b.naming = newNaming(names)
	return !bytes.Equal(anchor[1:headSize], b.keys[0].id), nil
}

// NewKey is a random key.
func NewKey() []byte {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return key
}
