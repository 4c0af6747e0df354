package config

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// allSecrets sets every secret; each holds the marker, in the form that its variable needs.
const marker = "TopSecret"

func allSecrets() map[string]string {
	key := base64.StdEncoding.EncodeToString([]byte(marker + strings.Repeat("k", 32-len(marker))))
	return with("OTPGW_SECRET_KEY="+key, "OTPGW_SECRET_KEYS_OLD="+key,
		"OTPGW_NATS_URL=nats://"+marker+":"+marker+"@n:4222,nats://"+marker+"@m:4222",
		"OTPGW_APP_SHOP_API_KEYS="+marker+"1,"+marker+"2", "OTPGW_APP_SHOP_SECRET="+marker,
		"OTPGW_APP_SHOP_CALLBACK_URL=https://a.example/otp?token="+marker,
		"OTPGW_APP_SHOP_CALLBACK_SECRET=whsec_"+key, "OTPGW_LINK_TELE_PASSWORD="+marker)
}

func leaks(text string) bool {
	return strings.Contains(text, marker) || strings.Contains(text, allSecrets()["OTPGW_SECRET_KEY"])
}

func TestPrintHasNoSecret(t *testing.T) {
	c := mustLoad(t, allSecrets())
	forms := map[string]string{
		"Print": c.String(), "%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", c),
		"warnings": fmt.Sprint(c.Warnings),
	}
	for form, text := range forms {
		if leaks(text) {
			t.Errorf("%s shows a secret:\n%s", form, text)
		}
	}
	for _, line := range []string{"OTPGW_SECRET_KEY=****", "OTPGW_APP_SHOP_API_KEYS=****", "OTPGW_APP_SHOP_SECRET=****",
		"OTPGW_APP_SHOP_CALLBACK_SECRET=****", "OTPGW_LINK_TELE_PASSWORD=****", "OTPGW_NATS_URL=nats://****@n:4222,nats://****@m:4222",
		"OTPGW_APP_SHOP_CALLBACK_URL=https://a.example/otp?****"} {
		if !strings.Contains(c.String(), line+"\n") {
			t.Errorf("no line %s in\n%s", line, c)
		}
	}
}

// TestErrorsHaveNoSecret spoils each secret in several ways; whatever is said of it, it does not say it.
func TestErrorsHaveNoSecret(t *testing.T) {
	spoil := map[string]func(string) string{
		"too long": func(v string) string { return strings.Repeat(v, 40) },
		"control":  func(v string) string { return v + "\x01" },
		"repeated": func(v string) string { return v + "," + v },
		"cut":      func(v string) string { return v[:len(v)/2] + marker },
	}
	for _, name := range slices.Sorted(maps.Keys(allSecrets())) {
		if !isSecret(name) && !strings.HasSuffix(name, "_URL") {
			continue
		}
		for how, change := range spoil {
			vars := allSecrets()
			vars[name] = change(vars[name])
			_, err := loadMap(vars)
			if err == nil && name != "OTPGW_APP_SHOP_SECRET" && !strings.HasSuffix(name, "_URL") && how == "control" {
				t.Errorf("%s %s: no fault", name, how)
			}
			if err != nil && leaks(err.Error()) {
				t.Errorf("%s %s: the error shows a secret: %v", name, how, err)
			}
		}
		// The secret itself where its file's path belongs.
		vars := allSecrets()
		vars[name+fileSuffix] = vars[name]
		delete(vars, name)
		if _, err := loadMap(vars); err != nil && leaks(err.Error()) {
			t.Errorf("%s_FILE: the error shows a secret: %v", name, err)
		}
	}
}

func TestSecretFiles(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"plain", "pa55word", "pa55word"},
		{"newline", "pa55word\n", "pa55word"},
		{"newline of Windows", "pa55word\r\n", "pa55word"},
		{"spaces are part of it", " pa55 \n", " pa55 "},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := mustLoad(t, with("OTPGW_LINK_TELE_PASSWORD=", "OTPGW_LINK_TELE_PASSWORD_FILE="+writeFile(t, "password", test.content)))
			if c.Links[0].Password != test.want {
				t.Errorf("password %q, want %q", c.Links[0].Password, test.want)
			}
			if !strings.Contains(c.String(), "OTPGW_LINK_TELE_PASSWORD=****\n") {
				t.Error("a password from a file is not printed as set")
			}
		})
	}
}

// TestKeysOneALine: a file of keys may hold one a line, as its name invites.
func TestKeysOneALine(t *testing.T) {
	for _, content := range []string{"key-one\nkey-two\n", "key-one\r\n\r\nkey-two", "key-one, key-two", "key-one\nkey-two,key-three\n"} {
		c := mustLoad(t, with("OTPGW_APP_SHOP_API_KEYS=", "OTPGW_APP_SHOP_API_KEYS_FILE="+writeFile(t, "shop.keys", content)))
		want := []string{"key-one", "key-two", "key-three"}[:2+strings.Count(content, "three")]
		if !slices.Equal(c.Apps[0].APIKeys, want) {
			t.Errorf("%q gives %q, want %q", content, c.Apps[0].APIKeys, want)
		}
	}
}

func TestDerivedCallbackSecret(t *testing.T) {
	key := make([]byte, 32) // UseKey takes it; no file and no variable may hold it
	c := mustLoad(t, with())
	if err := c.UseKey(key[:31]); err == nil {
		t.Error("a key of 31 bytes is taken")
	}
	if err := c.UseKey(key); err != nil {
		t.Fatal(err)
	}
	// A fixed value, computed apart from this code by RFC 5869 with HMAC alone: receivers have it in their
	// configuration, so a release must not change it.
	const want = "whsec_WLLWcDSErSw2cB62cEC6DPSfRW8OWLTUeLHKT/7eCSs="
	got := c.Apps[0].CallbackSecrets[0]
	if got != want {
		t.Errorf("the derived secret is %s, was %s in earlier releases", got, want)
	}
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(got, "whsec_")); err != nil || len(raw) != 32 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	other, err := DeriveCallbackSecret(key, "bank")
	if err != nil || other == got {
		t.Errorf("two applications have one secret, %v", err)
	}
	key[0] = 1
	if got, err = DeriveCallbackSecret(key, "shop"); err != nil {
		t.Fatal(err)
	}
	same := mustLoad(t, with("OTPGW_SECRET_KEY="+base64.RawURLEncoding.EncodeToString(key)))
	if same.Apps[0].CallbackSecrets[0] != got {
		t.Error("the same key from the environment derives another secret")
	}
	if text := c.String(); strings.Contains(text, want) || !strings.Contains(text, "otpgw check -callback-secret shop") {
		t.Errorf("printed:\n%s", text)
	}
}
