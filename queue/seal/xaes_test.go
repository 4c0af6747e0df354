package seal

import (
	"bytes"
	"encoding/hex"
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
		got, err := x.seal(nil, nonce, []byte("XAES-256-GCM"), []byte(test.context))
		if err != nil || hex.EncodeToString(got) != test.want {
			t.Errorf("key %d: %x, %v; want %s", key, got, err, test.want)
		}
		if plain, err := x.open(nonce, got, []byte(test.context)); err != nil || string(plain) != "XAES-256-GCM" {
			t.Errorf("key %d: %q, %v", key, plain, err)
		}
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
