package text

import "strings"

// plain is what a typographic quote, dash, ellipsis or space becomes under Options.Transliterate; empty for
// every other character. No letter, digit or sign is among them.
func plain(r rune) string {
	switch {
	case r == '‘', r == '’', r == '‚', r == '‛', r == '‹', r == '›':
		return "'"
	case r == '“', r == '”', r == '„', r == '‟', r == '«', r == '»':
		return `"`
	case r >= '\u2010' && r <= '\u2015': // hyphen, no-break hyphen, figure dash, en dash, em dash, bar
		return "-"
	case r == '…':
		return "..."
	case r == '\u00A0', r >= '\u2000' && r <= '\u200A', r == '\u202F', r == '\u205F', r == '\u3000':
		return " "
	}
	return ""
}

// transliterate replaces what c lacks and plain knows. The result is s itself when there is nothing to
// replace.
func transliterate(s string, c *coding) string {
	var b strings.Builder
	done := 0 // s[:done] is in b
	for i, r := range s {
		if r < 0x80 || c.weight(r) != 0 {
			continue
		}
		if p := plain(r); p != "" {
			b.WriteString(s[done:i])
			b.WriteString(p)
			done = i + len(string(r))
		}
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}
