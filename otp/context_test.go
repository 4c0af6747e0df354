package otp

import (
	"testing"

	"github.com/otpgw/otpgw/otp/internal/strictjson"
)

// TestCanonicalJSON: what means the same is written the same, and nothing else is.
func TestCanonicalJSON(t *testing.T) {
	seen := make(map[string]int)
	for name, group := range map[string][]string{
		"order and space":  {`{"a":1,"b":[true,null]}`, ` { "b" : [ true , null ] , "a" : 1 } `},
		"escapes":          {`"é\u0041/"`, `"\u00e9A\/"`},
		"ten":              {`10`, `10.0`, `1e1`, `1E+1`, `100e-1`, `0.1e2`},
		"a price":          {`10.5`, `10.50`, `105e-1`, `1050E-2`},
		"zero":             {`0`, `-0`, `0.000`, `0e99`},
		"negative":         {`-0.001`, `-1e-3`, `-0.10e-2`},
		"text, not number": {`"10"`},
		"large":            {`123456789012345678901234567890`, `12345678901234567890123456789e1`},
		"large, plus one":  {`123456789012345678901234567891`},
		"past all numbers": {`1e99999999999999999999`},
		"null":             {`null`},
		"nothing in it":    {`{}`},
		"a list":           {`[]`},
		"empty text":       {`""`},
		"keys of one text": {`{"a":{"b":"c"}}`},
		"keys in another":  {`{"a":"{\"b\":\"c\"}"}`},
	} {
		first, err := strictjson.Canonical([]byte(group[0]))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, other := range group[1:] {
			if got, err := strictjson.Canonical([]byte(other)); err != nil || string(got) != string(first) {
				t.Errorf("%s: %s is %s, %s is %s (%v)", name, group[0], first, other, got, err)
			}
		}
		seen[string(first)]++
	}
	for canonical, n := range seen {
		if n > 1 {
			t.Errorf("%s stands for %d things", canonical, n)
		}
	}
	for _, bad := range []string{``, `{`, `{} {}`, `"\ud83d"`, `01`} {
		if got, err := strictjson.Canonical([]byte(bad)); err == nil {
			t.Errorf("%q is %s", bad, got)
		}
	}
}
