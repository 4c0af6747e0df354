// Package envfile reads a file of environment variables as systemd's EnvironmentFile does (systemd.exec(5)),
// so that one file serves `otpgw -config FILE` and the unit alike:
//
//	# a comment, as is a line that begins with ;
//	NAME=a value with spaces, to the end of the line
//	NAME="quoted: \" \\ \$ and \` are escapes, and the text may go on
//	over the line"
//	NAME='as it stands'
//	NAME=a backslash at the end \
//	goes on with the next line
//
// Nothing is expanded. Lines may end as on Windows, and the file may begin with the mark that editors there
// put (BOM). What systemd skips with a line in the journal is an error here: a line without "=", a name that
// is none, a quote that is not closed; so is a name that is there twice.
package envfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Variable is one assignment.
type Variable struct {
	Name, Value string
}

var nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Parse reads all assignments in the order of the file. Its error joins one for every line that is none, and
// shows no value.
func Parse(text string) ([]Variable, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	p := &parser{rest: strings.ReplaceAll(text, "\r\n", "\n"), line: 1, seen: make(map[string]int)}
	for p.rest != "" {
		p.assignment()
	}
	return p.found, errors.Join(p.faults...)
}

type parser struct {
	rest   string
	line   int
	found  []Variable
	seen   map[string]int // line by name
	faults []error
}

// assignment reads a line, or several that one value takes.
func (p *parser) assignment() {
	p.skip(" \t")
	start := p.line
	switch {
	case p.rest == "":
	case p.rest[0] == '\n':
		p.next()
	case p.rest[0] == '#', p.rest[0] == ';':
		p.toLineEnd()
	default:
		name, after, ok := strings.Cut(p.rest, "=")
		if !ok || strings.Contains(name, "\n") {
			p.fault(start, `there is no "=": write NAME=value, or begin a comment with #`)
			p.toLineEnd()
			return
		}
		p.rest = after
		value := p.value()
		name = strings.TrimSpace(name)
		if strings.HasPrefix(name, "export ") {
			p.fault(start, "this is no shell's file, and systemd skips the line: take export out")
			return
		}
		if !nameForm.MatchString(name) {
			p.fault(start, `what stands before "=" is no name: letters, digits and _`)
			return
		}
		if first, twice := p.seen[name]; twice {
			p.fault(start, fmt.Sprintf("%s is set on line %d already; keep one", name, first))
			return
		}
		p.seen[name] = start
		p.found = append(p.found, Variable{name, value})
	}
}

// value reads to the end of the assignment. Spaces at its ends are dropped, unless they are quoted.
func (p *parser) value() string {
	var b strings.Builder
	for {
		p.skip(" \t")
		switch {
		case p.rest == "":
			return b.String()
		case p.rest[0] == '\n':
			p.next()
			return b.String()
		case p.rest[0] == '\'', p.rest[0] == '"':
			if !p.quoted(&b, p.next()) {
				return b.String()
			}
		default:
			b.WriteString(p.plain())
			return b.String()
		}
	}
}

// plain reads an unquoted text. A quote within it is one like any other character, a backslash goes.
func (p *parser) plain() string {
	var b strings.Builder
	kept := 0 // length without the spaces at the end
	for p.rest != "" {
		c := p.next()
		if c == '\n' {
			break
		}
		if c == '\\' {
			if p.rest == "" {
				break
			}
			if c = p.next(); c != '\n' {
				b.WriteByte(c)
				kept = b.Len()
			}
			continue
		}
		b.WriteByte(c)
		if c != ' ' && c != '\t' {
			kept = b.Len()
		}
	}
	return b.String()[:kept]
}

// quoted reads what stands after an opening quote; false when it is not closed.
func (p *parser) quoted(b *strings.Builder, quote byte) bool {
	start := p.line
	for p.rest != "" {
		c := p.next()
		switch {
		case c == quote:
			return true
		case c == '\\' && quote == '"' && p.rest != "":
			if c = p.next(); c != '\n' {
				if !strings.ContainsRune("\"\\`$", rune(c)) {
					b.WriteByte('\\')
				}
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
		}
	}
	p.fault(start, "the quote is not closed")
	return false
}

func (p *parser) next() byte {
	c := p.rest[0]
	p.rest = p.rest[1:]
	if c == '\n' {
		p.line++
	}
	return c
}

func (p *parser) skip(set string) { p.rest = strings.TrimLeft(p.rest, set) }

func (p *parser) toLineEnd() {
	for p.rest != "" && p.next() != '\n' {
	}
}

func (p *parser) fault(line int, text string) {
	p.faults = append(p.faults, fmt.Errorf("line %d: %s", line, text))
}
