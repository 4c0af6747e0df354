package seal

import (
	"bytes"
	"encoding/hex"
	"sync"
	"testing"
)

// TestXAES: the vectors of c2sp.org/XAES-256-GCM, whose keys take both ways of the doubling.
func TestXAES(t *testing.T) {
	for key, test := range map[byte]struct{ context, want string }{
		1: {"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		3: {"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		x, err := newXAES(bytes.Repeat([]byte{key}, KeySize))
		if err != nil {
			t.Fatal(err)
		}
		nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
		d, err := x.derive([halfNonce]byte(nonce))
		if err != nil {
			t.Fatal(err)
		}
		got := d.Seal(nil, nonce[halfNonce:], []byte("XAES-256-GCM"), []byte(test.context))
		if hex.EncodeToString(got) != test.want {
			t.Errorf("key %d: %x, want %s", key, got, test.want)
		}
		if plain, err := x.open(nonce, got, []byte(test.context)); err != nil || string(plain) != "XAES-256-GCM" {
			t.Errorf("key %d: %q, %v", key, plain, err)
		}
	}
}

// TestDerivedKeys: a key seals so many boxes and no more, all with nonces of their own; each box opens while its
// key is at hand and when it is not.
func TestDerivedKeys(t *testing.T) {
	key := NewKey()
	b, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	other, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	const many = 3*boxesOfKey + 8
	boxes := make([][]byte, many)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := w; i < many; i += 8 {
				boxes[i] = b.Seal([]byte("123456"), "pin:a")
				if _, err := b.Open(boxes[i], "pin:a"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	nonces, halves := make(map[string]bool), make(map[string]int)
	for _, box := range boxes {
		nonce := string(box[headSize : headSize+nonceSize])
		nonces[nonce] = true
		halves[nonce[:halfNonce]]++
		if plain, err := other.Open(box, "pin:a"); err != nil || string(plain) != "123456" {
			t.Fatalf("%q, %v", plain, err)
		}
	}
	if len(nonces) != many {
		t.Errorf("%d nonces for %d boxes", len(nonces), many)
	}
	for half, n := range halves {
		if n > boxesOfKey {
			t.Errorf("the key of %x sealed %d boxes, at most %d are allowed", half, n, boxesOfKey)
		}
	}
	if len(halves) < 4 || len(halves) > 64 {
		t.Errorf("%d keys for %d boxes of %d a key", len(halves), many, boxesOfKey)
	}
}

// TestFirstVersion: what daemons before the key ids sealed still opens, under an older key too.
func TestFirstVersion(t *testing.T) {
	old, fresh := NewKey(), NewKey()
	k, err := newKey(old)
	if err != nil {
		t.Fatal(err)
	}
	sealed := k.plain.Seal(nil, nil, []byte("123456"), []byte("pin:a"))
	b, err := New(fresh, old)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := b.Open(sealed, "pin:a"); err != nil || string(plain) != "123456" {
		t.Errorf("%q, %v", plain, err)
	}
}
