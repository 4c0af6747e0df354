package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

const (
	nonceSize  = 24
	halfNonce  = nonceSize / 2
	tagSize    = 16
	reduction  = 0x87 // of GF(2^128), NIST SP 800-38B, 5.3
	xaesPrefix = 'X'
)

// xaes is XAES-256-GCM (c2sp.org/XAES-256-GCM): the first half of a nonce derives a key (NIST SP 800-108 in
// counter mode with CMAC), the second half is the nonce of AES-256-GCM with it.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
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

// aead is AES-256-GCM with the key of a nonce.
func (x *xaes) aead(nonce []byte) (cipher.AEAD, error) {
	var key [2 * aes.BlockSize]byte
	for i := range 2 {
		half := key[i*aes.BlockSize : (i+1)*aes.BlockSize]
		copy(half, []byte{0, byte(i + 1), xaesPrefix, 0})
		copy(half[4:], nonce[:halfNonce])
		subtle.XORBytes(half, half, x.k1[:])
		x.block.Encrypt(half, half)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (x *xaes) seal(dst, nonce, plain, context []byte) ([]byte, error) {
	aead, err := x.aead(nonce)
	if err != nil {
		return nil, err
	}
	return aead.Seal(dst, nonce[halfNonce:], plain, context), nil
}

func (x *xaes) open(nonce, sealed, context []byte) ([]byte, error) {
	aead, err := x.aead(nonce)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, nonce[halfNonce:], sealed, context)
}
