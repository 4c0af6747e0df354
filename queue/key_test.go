package queue

import (
	"encoding/hex"
	"testing"

	"github.com/google/uuid"
)

// plainCompact is compact as it is told in a few words: what is as the library prints it is shortened.
func plainCompact(key string) string {
	if len(key) >= 36 {
		if id, err := uuid.Parse(key[:36]); err == nil && id.String() == key[:36] {
			return compactUUID + string(id[:]) + key[36:]
		}
	}
	if begin := len(key) - 32; begin >= 0 {
		if name, err := hex.DecodeString(key[begin:]); err == nil && hex.EncodeToString(name) == key[begin:] {
			return compactName + string(name) + key[:begin]
		}
	}
	return key
}

// FuzzKeys: a key is what it was after it was shortened, and so is an id.
func FuzzKeys(f *testing.F) {
	const id, name = "0193e4b2-7c1a-7b3e-9f00-a1b2c3d4e5f6", "00112233445566778899aabbccddeeff"
	for _, key := range []string{"", "k", id, id + "/1", "x" + id, "0193E4B2-7c1a-7b3e-9f00-a1b2c3d4e5f6", id[:35], id[:35] + "g", id[:23] + "0" + id[24:],
		"{" + id + "}", "urn:uuid:" + id, name, "s" + name, "abcd" + name, id + name, name[:31], name[:31] + "F", name[:31] + "g", name + "0"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		short := compact(key)
		if short != plainCompact(key) {
			t.Errorf("%q is shortened to %q, not to %q", key, short, plainCompact(key))
		}
		if len(key) > 0 && key[0] <= compactName[0] {
			return // no key of ours begins so
		}
		if expand(short) != key || UnpackID(PackID(key)) != key {
			t.Errorf("%q is %q, and packed %q", key, expand(short), UnpackID(PackID(key)))
		}
	})
}
