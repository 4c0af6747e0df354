package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/otpgw/otpgw/queue/seal"
)

func TestBox(t *testing.T) {
	key := seal.NewKey()
	b, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	sealed := b.Seal([]byte("12345"), "pin:a")
	if bytes.Contains(sealed, []byte("12345")) {
		t.Fatal("in the clear")
	}
	if bytes.Equal(sealed, b.Seal([]byte("12345"), "pin:a")) {
		t.Fatal("the same text seals to the same bytes")
	}
	plain, err := b.Open(sealed, "pin:a")
	if err != nil || string(plain) != "12345" {
		t.Fatalf("open: %q, %v", plain, err)
	}
	other, _ := seal.New(seal.NewKey())
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another context": func() ([]byte, error) { return b.Open(sealed, "pin:b") },
		"another key":     func() ([]byte, error) { return other.Open(sealed, "pin:a") },
		"changed":         func() ([]byte, error) { return b.Open(changed, "pin:a") },
		"cut":             func() ([]byte, error) { return b.Open(sealed[:5], "pin:a") },
		"empty":           func() ([]byte, error) { return b.Open(nil, "pin:a") },
	} {
		if _, err := open(); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := seal.New(key[:16]); err == nil {
		t.Error("a short key was taken")
	}
}

// TestKeyChange: what an older key sealed opens, names stay, and what neither key sealed is told apart.
func TestKeyChange(t *testing.T) {
	first, second := seal.NewKey(), seal.NewKey()
	before, _ := seal.New(first)
	after, err := seal.New(second, first)
	if err != nil {
		t.Fatal(err)
	}
	sealed := before.Seal([]byte("123456"), "pin:a")
	if plain, err := after.Open(sealed, "pin:a"); err != nil || string(plain) != "123456" {
		t.Errorf("%q, %v", plain, err)
	}
	if _, err := after.Open(sealed, "pin:b"); !errors.Is(err, seal.ErrOpen) || errors.Is(err, seal.ErrKey) {
		t.Errorf("another context: %v", err)
	}
	if _, err := before.Open(after.Seal([]byte("1"), "c"), "c"); !errors.Is(err, seal.ErrKey) || !errors.Is(err, seal.ErrOpen) {
		t.Errorf("a newer key's box: %v", err)
	}
	anchor, name := before.Anchor(), before.Name("phone", "+46700000001")
	if renew, err := after.Adopt(anchor); err != nil || !renew || after.Name("phone", "+46700000001") != name {
		t.Errorf("adopted: %v, %v; the name was %s", renew, err, name)
	}
	if renew, err := after.Adopt(after.Anchor()); err != nil || renew || after.ID() == before.ID() {
		t.Errorf("adopted again: %v, %v", renew, err)
	}
	stranger, _ := seal.New(seal.NewKey())
	if _, err := stranger.Adopt(anchor); err == nil || !strings.Contains(err.Error(), "OTPGW_SECRET_KEYS_OLD") {
		t.Errorf("a stranger's key: %v", err)
	}
}

func BenchmarkSeal(b *testing.B) {
	box, err := seal.New(seal.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		box.Seal([]byte("123456"), "pin:0123456789abcdef")
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "key")
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = seal.LoadOrCreateKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if len(k) != seal.KeySize || !bytes.Equal(k, keys[0]) {
			t.Fatal("callers at the same time got different keys")
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if runtime.GOOS == "windows" {
		return
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.LoadOrCreateKey(path); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("a key that others can read was taken: %v", err)
	}
}

func TestBadKeyFile(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "short": base64.StdEncoding.EncodeToString(make([]byte, 16)), "not base64": "SECRET!!",
		"long": base64.StdEncoding.EncodeToString(make([]byte, 33)), "all zeros": base64.StdEncoding.EncodeToString(make([]byte, 32)),
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := seal.LoadOrCreateKey(path)
		if err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(base64.StdEncoding.EncodeToString(make([]byte, 32)))
	f.Add(base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, 32)))
	f.Fuzz(func(t *testing.T, s string) {
		if key, err := seal.ParseKey(s); err == nil && len(key) != seal.KeySize {
			t.Fatalf("key of %d bytes", len(key))
		}
	})
}

func FuzzOpen(f *testing.F) {
	b, _ := seal.New(make([]byte, 32))
	f.Add(b.Seal([]byte("x"), "c"), "d")
	f.Fuzz(func(t *testing.T, sealed []byte, context string) {
		if plain, err := b.Open(sealed, context); err == nil && !bytes.Equal(plain, []byte("x")) {
			t.Fatal("opened what was never sealed")
		}
	})
}

func BenchmarkName(b *testing.B) {
	box, err := seal.New(seal.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		box.Name("phone", "+46700000001")
	}
}

// TestNamesStay: names are in stores, so what one is called never changes; nor does it when many ask at once,
// or when names were asked for before the store's key of names was known.
func TestNamesStay(t *testing.T) {
	box, err := seal.New([]byte("a test's key of thirty-two bytes"))
	if err != nil {
		t.Fatal(err)
	}
	const stored = "d97e4cd528d365b746bfa655c8eccd1f"
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if name := box.Name("phone", "+46700000001"); name != stored {
					t.Errorf("it is called %s, and %s in stores", name, stored)
					return
				}
			}
		})
	}
	all.Wait()
	later, _ := seal.New(seal.NewKey(), []byte("a test's key of thirty-two bytes"))
	if later.Name("phone", "+46700000001") == stored {
		t.Error("another key gives the same name")
	}
	if _, err := later.Adopt(box.Anchor()); err != nil {
		t.Fatal(err)
	}
	if name := later.Name("phone", "+46700000001"); name != stored {
		t.Errorf("with the store's key of names it is called %s, and %s in stores", name, stored)
	}
}

func TestName(t *testing.T) {
	key := seal.NewKey()
	a, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	same, _ := seal.New(key)
	other, _ := seal.New(seal.NewKey())
	if a.Name("k", "x") != same.Name("k", "x") || len(a.Name("k", "x")) != 32 {
		t.Error("a name must be the same with the same key")
	}
	for what, name := range map[string]string{"kind": a.Name("l", "x"), "text": a.Name("k", "y"), "key": other.Name("k", "x"), "border": a.Name("kx", "")} {
		if name == a.Name("k", "x") {
			t.Errorf("another %s has the same name", what)
		}
	}
}
