package config

import (
	"context"
	"reflect"
	"strconv"
	"strings"

	"github.com/sethvargo/go-envconfig"
)

// setting is one variable, written once: its row says all that is known of it, and whoever adds a variable
// adds a row. T is what the variables of its group are read into.
type setting[T any] struct {
	key     string // the name behind the group's prefix; of the daemon's own variables the whole name
	preset  string // the value of an unset variable; empty when the meaning tells what happens then
	meaning string // for the help text; {} in it stands for what the reader takes
	reader[T]
}

// reader turns the text of a variable into what the daemon works with.
type reader[T any] struct {
	takes  string // "1 to 10"; empty when the row's meaning says it
	secret bool   // may come as NAME_FILE, and is masked wherever it is shown
	lines  bool   // a list, of which the file may hold one element a line
	show   func(text string) string
	read   func(v *value, to *T)
}

// read is a reader of its own.
func read[T any](do func(v *value, to *T)) reader[T] { return reader[T]{read: do} }

// secretly is a reader of something that is never shown.
func secretly[T any](do func(v *value, to *T)) reader[T] {
	return reader[T]{read: do, secret: true, show: masked}
}

// secretList is secretly for a list, of which a file may hold one element a line.
func secretList[T any](do func(v *value, to *T)) reader[T] {
	r := secretly(do)
	r.lines = true
	return r
}

// variable is the row as operators see it.
func (s setting[T]) variable(group string) Variable {
	name := s.key
	if group != "" {
		name = group + nameHole + s.key
	}
	return Variable{name, s.preset, strings.ReplaceAll(s.meaning, "{}", s.takes), s.secret}
}

// stem is the name up to the part that the environment chooses, as in TEMPLATE_<LANG>.
func (s setting[T]) stem() (stem string, open bool) {
	stem, _, open = strings.Cut(s.key, "<")
	return stem, open
}

// line is a variable as it is printed, and, only to see whether it changes, as it is.
type line struct {
	name, text, raw string
	given           bool // it is not the default
}

// readRows reads the variables of one group with the given prefix into to, in the order of the rows, and
// returns how they are printed. A row may rely on those above it.
func readRows[T any](l *loader, prefix string, rows []setting[T], to *T) []line {
	texts, err := lookUp(l.ctx, source{l.lookup, filesOf(prefix, rows), l.report}, prefix, rows)
	if err != nil {
		l.broken = err
		return nil
	}
	var lines []line
	for i, row := range rows {
		stem, open := row.stem()
		if !open {
			v := &value{scope: scope{prefix, l.report}, name: prefix + row.key, text: texts[i]}
			v.warnQuotes()
			row.read(v, to)
			lines = append(lines, line{v.name, row.shown(v.text), v.text, texts[i] != row.preset})
			continue
		}
		for _, chosen := range l.chosen[prefix+stem] {
			v := &value{scope: scope{prefix, l.report}, name: prefix + stem + chosen, chosen: chosen}
			if v.text, _ = l.lookup.Lookup(v.name); v.text != "" {
				v.warnQuotes()
				row.read(v, to)
				lines = append(lines, line{prefix + stem + strings.ToUpper(v.chosen), row.shown(v.text), v.text, true})
			}
		}
	}
	return lines
}

func (s setting[T]) shown(text string) string {
	if s.show == nil {
		return text
	}
	return s.show(text)
}

// lookUp gives the rows to go-envconfig as the struct of strings that they describe: it finds the variables
// and fills in the defaults. They are strings all, so that a value it cannot decode does not hide the faults
// of the others.
func lookUp[T any](ctx context.Context, from envconfig.Lookuper, prefix string, rows []setting[T]) ([]string, error) {
	fields := make([]reflect.StructField, len(rows))
	for i, row := range rows {
		tag := row.key
		if row.preset != "" {
			tag += ", default=" + row.preset
		}
		fields[i] = reflect.StructField{Name: "V" + strconv.Itoa(i), Type: reflect.TypeFor[string](), Tag: reflect.StructTag("env:" + strconv.Quote(tag))}
		if _, open := row.stem(); open {
			fields[i].Tag = ""
		}
	}
	target := reflect.New(reflect.StructOf(fields))
	err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: target.Interface(), Lookuper: envconfig.PrefixLookuper(prefix, from)})
	texts := make([]string, len(rows))
	for i := range rows {
		texts[i] = target.Elem().Field(i).String()
	}
	return texts, err
}

// each reads the variables of the named members of a group. begin makes what a member's are read into, finish
// sees what they say together.
func each[T any](l *loader, list *value, group string, rows []setting[T], begin func(name string) *T, finish func(s scope, t *T)) {
	names := list.names(group)
	addGroup(l.known, list, group, names, rows)
	choose(l, group, names, rows)
	for _, name := range names {
		prefix := group + prefixOf(name) + "_"
		to := begin(name)
		lines := readRows(l, prefix, rows, to)
		finish(scope{prefix, l.report}, to)
		l.config.lines[group] = append(l.config.lines[group], lines...)
	}
}

// choose finds the variables that are set of those whose name ends in something the environment chooses, as
// in TEMPLATE_<LANG>. They count as known then; whether LANG is a language is judged when they are read. Of
// the applications shop and shop_template, the one with the longer name owns
// OTPGW_APP_SHOP_TEMPLATE_TEMPLATE_FR.
func choose[T any](l *loader, group string, names []string, rows []setting[T]) {
	for _, name := range l.environ {
		if _, taken := l.known[name]; taken {
			continue
		}
		owner := ""
		for _, member := range names {
			for _, row := range rows {
				stem, open := row.stem()
				stem = group + prefixOf(member) + "_" + stem
				if open && len(stem) > len(owner) && len(name) > len(stem) && strings.HasPrefix(name, stem) {
					owner = stem
				}
			}
		}
		if owner != "" {
			l.chosen[owner] = append(l.chosen[owner], strings.TrimPrefix(name, owner))
			l.known[name] = owner
		}
	}
}
