package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestAdminBodyMeansOneThing: a body that two programs may read as two things, or that has more than its
// action knows, does nothing, whatever the action is.
func TestAdminBodyMeansOneThing(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), nil))
	c := client(t)
	post := func(path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest("POST", d.Admin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(operator.Header, testAdminToken)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(answer)
	}
	const number = `"+46701234567"`
	for _, test := range []struct{ path, field, value, more string }{
		{"/guard/deny", "prefix", `"+4670"`, ""},
		{"/optouts/add", "number", number, `"app":"shop",`},
		{"/donotsend/add", "number", number, ""},
		{"/forget", "number", number, ""},
		{"/explain", "to", number, ""},
		{"/send", "to", number, ""},
		{"/endpoints/enable", "id", `"none"`, ""},
	} {
		name, again := `"`+test.field+`":`+test.value, test.value
		for what, body := range map[string]string{
			"a field twice":            `{` + test.more + name + `,"` + test.field + `":` + again + `}`,
			"in two cases":             `{` + test.more + name + `,"` + strings.ToUpper(test.field) + `":` + again + `}`,
			"escaped":                  `{` + test.more + name + `,"\u00` + hexOf(test.field[0]) + test.field[1:] + `":` + again + `}`,
			"another behind it":        `{` + test.more + name + `}{}`,
			"a field that is none":     `{` + test.more + name + `,"forr":"1h"}`,
			"octets that are no UTF-8": `{` + test.more + name + ",\"x\":\"\xff\"}",
			"a list":                   `[{` + test.more + name + `}]`,
		} {
			if status, answer := post(test.path, body); status != 400 {
				t.Errorf("%s, %s: %d %s", test.path, what, status, answer)
			}
		}
	}
	if status, answer := post("/guard/deny", `{"prefix":"+4670","for":"1h"}`); status != 200 {
		t.Errorf("a good body: %d %s", status, answer)
	}
	if status, answer := post("/guard/deny", `{"prefix":"`+strings.Repeat("4", 20_000)+`"}`); status != 413 {
		t.Errorf("a long body: %d %s", status, answer)
	}
}

func hexOf(b byte) string { return string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15]) }
