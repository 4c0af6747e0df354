package envfile

import (
	"strings"
	"testing"
)

// TestParse: the values are those that systemd 252 gives a service for the same lines (src/basic/env-file.c).
func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"A=b":                            "b",
		"  A = b c  \n":                  "b c",
		"A=":                             "",
		"A=\"b c \"":                     "b c ",
		`A='b\n$c'`:                      `b\n$c`,
		`A="a\"b\\c\$d\` + "`" + `e\f"`:  "a\"b\\c$d`e\\f",
		"A=\"one\ntwo\"":                 "one\ntwo",
		"A=one \\\n  two":                "one   two",
		"A=\"one \\\ntwo\"":              "one two",
		"A=\"b\"'c'":                     "bc",
		"A='b' c ":                       "bc",
		`A=0x1400="text",0x1401=6869`:    `0x1400="text",0x1401=6869`,
		`A=b\ `:                          "b ",
		"A=b # no comment":               "b # no comment",
		"A=Code {{pin}}\r\n":             "Code {{pin}}",
		"A=Код {{pin}}":                  "Код {{pin}}",
		"A=b=c":                          "b=c",
		"\ufeffA=b\r\n# end\r\n":         "b",
		"# x \\\n; y\n\n \t\nA=b\n# end": "b",
	} {
		got, err := Parse(text)
		if err != nil || len(got) != 1 || got[0].Name != "A" || got[0].Value != want {
			t.Errorf("%q gives %+v, %v; want %q", text, got, err, want)
		}
	}
}

func TestParseFaults(t *testing.T) {
	for text, says := range map[string]string{
		"A=1\nB":                "line 2: there is no",
		"A=1\n\nexport B=2\n":   "line 3: this is no shell's file",
		"1A=x":                  "no name",
		"A=1\nA=2":              "line 2: A is set on line 1 already",
		"A='secret\nB=2\n":      "line 1: the quote is not closed",
		"A=\"x\n\n\" \nB\nC=\"": "line 4: there is no",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

// FuzzParse: whatever is read can be written in quotes and is read the same again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"A=b\n", "A=\"b\\\"\"\n", "A='x", "#\\\nA=1", "A=\\", "=", "A\n=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := Parse(text)
		var again strings.Builder
		for _, v := range found {
			again.WriteString(v.Name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(v.Value) + "\"\n")
		}
		second, secondErr := Parse(again.String())
		if secondErr != nil || len(second) != len(found) {
			t.Fatalf("%q (%v) is written as %q and read as %+v, %v", text, err, &again, second, secondErr)
		}
		for i := range found {
			if found[i].Name != second[i].Name || found[i].Value != strings.ReplaceAll(second[i].Value, "\r\n", "\n") && !strings.Contains(text, "\r") {
				t.Fatalf("%q is %+v, then %+v", text, found[i], second[i])
			}
		}
	})
}
