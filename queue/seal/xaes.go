package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"sync/atomic"
)

const (
	nonceSize  = 24
	halfNonce  = nonceSize / 2
	tagSize    = 16
	reduction  = 0x87 // of GF(2^128), NIST SP 800-38B, 5.3
	xaesPrefix = 'X'

	boxesOfKey = 4096 // that one derived key seals; see the package
)

// xaes is XAES-256-GCM (c2sp.org/XAES-256-GCM): the first half of a nonce derives a key (NIST SP 800-108 in
// counter mode with CMAC), the second half is the nonce of AES-256-GCM with it.
type xaes struct {
	block   cipher.Block
	k1      [aes.BlockSize]byte
	current atomic.Pointer[derived] // seals; and opens its own boxes, which mostly happens soon after
}

// derived is AES-256-GCM with the key of the nonces that begin with a half.
type derived struct {
	cipher.AEAD
	half  [halfNonce]byte
	boxes atomic.Int32 // sealed with it
}

func newXAES(key []byte) (*xaes, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	x := &xaes{block: block}
	block.Encrypt(x.k1[:], x.k1[:])
	carry := byte(0)
	for i := len(x.k1) - 1; i >= 0; i-- {
		x.k1[i], carry = x.k1[i]<<1|carry, x.k1[i]>>7
	}
	x.k1[len(x.k1)-1] ^= reduction * carry
	return x, nil
}

// derive makes the key of the nonces that begin with a half.
func (x *xaes) derive(half [halfNonce]byte) (*derived, error) {
	var key [2 * aes.BlockSize]byte
	for i := range 2 {
		part := key[i*aes.BlockSize : (i+1)*aes.BlockSize]
		copy(part, []byte{0, byte(i + 1), xaesPrefix, 0})
		copy(part[4:], half[:])
		subtle.XORBytes(part, part, x.k1[:])
		x.block.Encrypt(part, part)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &derived{AEAD: aead, half: half}, err
}

// sealer is the key that seals the next box.
func (x *xaes) sealer() (*derived, error) {
	if d := x.current.Load(); d != nil && d.boxes.Add(1) <= boxesOfKey {
		return d, nil
	}
	var half [halfNonce]byte
	_, _ = rand.Read(half[:]) // never fails (crypto/rand)
	d, err := x.derive(half)
	if err != nil {
		return nil, err
	}
	d.boxes.Store(1)
	x.current.Store(d)
	return d, nil
}

// seal appends a nonce and what is sealed with it.
func (x *xaes) seal(dst, plain, context []byte) ([]byte, error) {
	d, err := x.sealer()
	if err != nil {
		return nil, err
	}
	dst = append(dst, d.half[:]...)
	begin := len(dst)
	dst = append(dst, make([]byte, nonceSize-halfNonce)...)
	_, _ = rand.Read(dst[begin:]) // never fails (crypto/rand)
	return d.Seal(dst, dst[begin:], plain, context), nil
}

func (x *xaes) open(nonce, sealed, context []byte) ([]byte, error) {
	d := x.current.Load()
	if d == nil || !bytes.Equal(d.half[:], nonce[:halfNonce]) {
		var err error
		if d, err = x.derive([halfNonce]byte(nonce)); err != nil {
			return nil, err
		}
	}
	return d.Open(nil, nonce[halfNonce:], sealed, context)
}
